#!/usr/bin/env python3
"""How many orders of a shop are in which state, kept up to date from its events.

    python3 orders_by_state.py orders.json           follows the shop until Ctrl-C; a further start goes on
    python3 orders_by_state.py orders.json --once    ends when it has read everything

The file has the result and its checkpoint: the position of the log up to which the result is true. Both are written in one
rename, so a process that is killed at any moment reads some events again and misses none. To read an event again changes nothing
here; what does more than replace a value, such as sending a mail, has to know the ids of the events that it has dealt with.

STOREFRONT_SERVER is the shop, http://127.0.0.1:7070 by default. STOREFRONT_API_KEY is a key with the scope `events:read`, which a
shop needs where people sign in.
"""

import collections
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

SHOP = os.environ.get("STOREFRONT_SERVER", "http://127.0.0.1:7070")
API_KEY = os.environ.get("STOREFRONT_API_KEY")
PAUSE_S = 1

STATE_AFTER = {
    "order.started": "in_progress",
    "order.checked_out": "checked_out",
    "order.reopened": "in_progress",
    "order.confirmed": "confirmed",
    "order.shipped": "shipped",
    "order.delivered": "delivered",
    "order.cancelled": "cancelled",
    "order.expired": "expired",
}


def load(path):
    """The projection of the file; an empty one where there is no file."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {"log": None, "after": 0, "orders": {}}


def save(path, projection):
    """Replaces the file: whoever reads it finds the one or the other, whole."""
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump(projection, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{path}.new", path)


def project(projection, page):
    """The projection after a page of events."""
    if page.get("reset"):
        # The shop was started over, or its database went back in time: what was read before is no longer true.
        return {"log": page.get("log"), "after": 0, "orders": {}}
    orders = projection["orders"]
    for event in page["events"]:
        orders[event["stream"].removeprefix("order-")] = STATE_AFTER[event["type"]]
    return {"log": page.get("log"), "after": page["next_after"], "orders": orders}


def read_page(projection, wait_s):
    """The events after the checkpoint. Waits for them for a time; tries again while the shop is away."""
    query = {"after": projection["after"], "type": ",".join(STATE_AFTER), "limit": 1000, "wait": wait_s}
    if projection["log"]:
        query["log"] = projection["log"]
    request = urllib.request.Request(f"{SHOP}/v1/events?{urllib.parse.urlencode(query)}")
    if API_KEY:
        request.add_header("Authorization", f"Bearer {API_KEY}")
    while True:
        try:
            with urllib.request.urlopen(request, timeout=wait_s + 10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 429:
                sys.exit(f"the shop refuses: {error.code} {error.read().decode()}")
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(PAUSE_S)


def main(path, once):
    projection = load(path)
    while True:
        page = read_page(projection, 0 if once else 20)
        moved = page.get("reset") or page["next_after"] != projection["after"]
        projection = project(projection, page)
        if moved:
            save(path, projection)
        counts = dict(sorted(collections.Counter(projection["orders"].values()).items()))
        if page["events"] or once:
            print(json.dumps(counts), flush=True)
        if once and not page.get("reset") and page["next_after"] == page["head"]:
            return


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        main(sys.argv[1], "--once" in sys.argv[2:])
    except KeyboardInterrupt:
        pass
