//! The countries of ISO 3166-1, for addresses.

/// A country of ISO 3166-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Country {
    /// The alpha-2 code, such as `DE`.
    pub code: &'static str,
    /// The short English name.
    pub name: &'static str,
}

impl Country {
    /// Finds a country by its code in capital letters.
    pub fn by_code(code: &str) -> Option<Self> {
        Self::all().find(|country| country.code == code)
    }

    /// Every country, by code.
    pub fn all() -> impl Iterator<Item = Self> {
        COUNTRIES.iter().map(|(code, name)| Self { code, name })
    }

    /// Finds a country by what a person typed, in any case: its code, its name, a common alias, or at least three letters
    /// with which only its name begins.
    pub fn meant_by(text: &str) -> Option<Self> {
        let wanted = plain(text);
        let by_code = Self::all().find(|country| country.code.eq_ignore_ascii_case(&wanted));
        let by_alias = || ALIASES.iter().find(|(alias, _)| *alias == wanted).and_then(|(_, code)| Self::by_code(code));
        let by_name = || Self::all().find(|country| plain(country.name) == wanted);
        let by_beginning = || {
            let mut like = Self::all().filter(|country| wanted.len() >= 3 && plain(country.name).starts_with(&wanted));
            like.next().filter(|_| like.next().is_none())
        };
        by_code.or_else(by_alias).or_else(by_name).or_else(by_beginning)
    }

    /// Whether an address there is not complete without a postal code. There are countries that have none (Hong Kong, the
    /// United Arab Emirates), and others where few write it.
    pub fn needs_postal_code(self) -> bool {
        POSTAL_CODE_NEEDED.split_ascii_whitespace().any(|code| code == self.code)
    }

    /// What the state, province or prefecture is called that is usual in addresses there; `None` where there is none.
    pub fn state_label(self) -> Option<&'static str> {
        STATES
            .iter()
            .find(|(_, codes)| codes.split_ascii_whitespace().any(|code| code == self.code))
            .map(|(name, _)| *name)
    }
}

/// In lower case, without what people leave out.
fn plain(text: &str) -> String {
    let plain_letter = |letter: char| match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'ç' => 'c',
        'é' | 'è' => 'e',
        'í' => 'i',
        'ô' | 'ö' => 'o',
        'ü' => 'u',
        other => other,
    };
    text.trim().to_lowercase().chars().filter(|char| *char != '.').map(plain_letter).collect()
}

/// Where an address needs a postal code, by the address formats that the Universal Postal Union publishes.
const POSTAL_CODE_NEEDED: &str = "AT AU BE BG BR CA CH CN CY CZ DE DK EE ES FI FR GB GR HR HU ID IL IN IS IT JP KR LI LT LU \
    LV MC MT MX MY NL NO NZ PH PL PT RO RS RU SE SG SI SK SM TH TR TW UA US VA VN ZA";

/// Where addresses name a part of the country, and what it is called.
const STATES: &[(&str, &str)] = &[
    ("State", "AU BR IN MX MY NG US VE"),
    ("Province", "AR CA CN CR ES ID IT KR PH TH TR VN"),
    ("Prefecture", "JP"),
    ("Emirate", "AE"),
    ("County", "IE TW"),
    ("Region", "CL EG HK PE RU UA"),
    ("Department", "CO"),
];

/// What people write in place of a code.
const ALIASES: &[(&str, &str)] = &[
    ("uk", "GB"),
    ("great britain", "GB"),
    ("britain", "GB"),
    ("england", "GB"),
    ("scotland", "GB"),
    ("wales", "GB"),
    ("northern ireland", "GB"),
    ("el", "GR"),
    ("usa", "US"),
    ("america", "US"),
    ("united states", "US"),
    ("deutschland", "DE"),
    ("osterreich", "AT"),
    ("schweiz", "CH"),
    ("suisse", "CH"),
    ("holland", "NL"),
    ("espana", "ES"),
    ("polska", "PL"),
    ("czech republic", "CZ"),
    ("korea", "KR"),
    ("south korea", "KR"),
    ("north korea", "KP"),
    ("russia", "RU"),
    ("vietnam", "VN"),
    ("ivory coast", "CI"),
    ("turkey", "TR"),
    ("swaziland", "SZ"),
    ("burma", "MM"),
    ("macedonia", "MK"),
    ("uae", "AE"),
    ("emirates", "AE"),
    ("iran", "IR"),
    ("syria", "SY"),
    ("laos", "LA"),
    ("bolivia", "BO"),
    ("moldova", "MD"),
    ("tanzania", "TZ"),
    ("venezuela", "VE"),
    ("vatican", "VA"),
    ("palestine", "PS"),
    ("brunei", "BN"),
    ("dr congo", "CD"),
];

/// Code and short English name.
const COUNTRIES: &[(&str, &str)] = &[
    ("AD", "Andorra"),
    ("AE", "United Arab Emirates"),
    ("AF", "Afghanistan"),
    ("AG", "Antigua and Barbuda"),
    ("AI", "Anguilla"),
    ("AL", "Albania"),
    ("AM", "Armenia"),
    ("AO", "Angola"),
    ("AQ", "Antarctica"),
    ("AR", "Argentina"),
    ("AS", "American Samoa"),
    ("AT", "Austria"),
    ("AU", "Australia"),
    ("AW", "Aruba"),
    ("AX", "Åland Islands"),
    ("AZ", "Azerbaijan"),
    ("BA", "Bosnia and Herzegovina"),
    ("BB", "Barbados"),
    ("BD", "Bangladesh"),
    ("BE", "Belgium"),
    ("BF", "Burkina Faso"),
    ("BG", "Bulgaria"),
    ("BH", "Bahrain"),
    ("BI", "Burundi"),
    ("BJ", "Benin"),
    ("BL", "Saint Barthélemy"),
    ("BM", "Bermuda"),
    ("BN", "Brunei Darussalam"),
    ("BO", "Bolivia, Plurinational State of"),
    ("BQ", "Bonaire, Sint Eustatius and Saba"),
    ("BR", "Brazil"),
    ("BS", "Bahamas"),
    ("BT", "Bhutan"),
    ("BV", "Bouvet Island"),
    ("BW", "Botswana"),
    ("BY", "Belarus"),
    ("BZ", "Belize"),
    ("CA", "Canada"),
    ("CC", "Cocos (Keeling) Islands"),
    ("CD", "Congo, Democratic Republic of the"),
    ("CF", "Central African Republic"),
    ("CG", "Congo"),
    ("CH", "Switzerland"),
    ("CI", "Côte d'Ivoire"),
    ("CK", "Cook Islands"),
    ("CL", "Chile"),
    ("CM", "Cameroon"),
    ("CN", "China"),
    ("CO", "Colombia"),
    ("CR", "Costa Rica"),
    ("CU", "Cuba"),
    ("CV", "Cabo Verde"),
    ("CW", "Curaçao"),
    ("CX", "Christmas Island"),
    ("CY", "Cyprus"),
    ("CZ", "Czechia"),
    ("DE", "Germany"),
    ("DJ", "Djibouti"),
    ("DK", "Denmark"),
    ("DM", "Dominica"),
    ("DO", "Dominican Republic"),
    ("DZ", "Algeria"),
    ("EC", "Ecuador"),
    ("EE", "Estonia"),
    ("EG", "Egypt"),
    ("EH", "Western Sahara"),
    ("ER", "Eritrea"),
    ("ES", "Spain"),
    ("ET", "Ethiopia"),
    ("FI", "Finland"),
    ("FJ", "Fiji"),
    ("FK", "Falkland Islands (Malvinas)"),
    ("FM", "Micronesia, Federated States of"),
    ("FO", "Faroe Islands"),
    ("FR", "France"),
    ("GA", "Gabon"),
    ("GB", "United Kingdom"),
    ("GD", "Grenada"),
    ("GE", "Georgia"),
    ("GF", "French Guiana"),
    ("GG", "Guernsey"),
    ("GH", "Ghana"),
    ("GI", "Gibraltar"),
    ("GL", "Greenland"),
    ("GM", "Gambia"),
    ("GN", "Guinea"),
    ("GP", "Guadeloupe"),
    ("GQ", "Equatorial Guinea"),
    ("GR", "Greece"),
    ("GS", "South Georgia and the South Sandwich Islands"),
    ("GT", "Guatemala"),
    ("GU", "Guam"),
    ("GW", "Guinea-Bissau"),
    ("GY", "Guyana"),
    ("HK", "Hong Kong"),
    ("HM", "Heard Island and McDonald Islands"),
    ("HN", "Honduras"),
    ("HR", "Croatia"),
    ("HT", "Haiti"),
    ("HU", "Hungary"),
    ("ID", "Indonesia"),
    ("IE", "Ireland"),
    ("IL", "Israel"),
    ("IM", "Isle of Man"),
    ("IN", "India"),
    ("IO", "British Indian Ocean Territory"),
    ("IQ", "Iraq"),
    ("IR", "Iran, Islamic Republic of"),
    ("IS", "Iceland"),
    ("IT", "Italy"),
    ("JE", "Jersey"),
    ("JM", "Jamaica"),
    ("JO", "Jordan"),
    ("JP", "Japan"),
    ("KE", "Kenya"),
    ("KG", "Kyrgyzstan"),
    ("KH", "Cambodia"),
    ("KI", "Kiribati"),
    ("KM", "Comoros"),
    ("KN", "Saint Kitts and Nevis"),
    ("KP", "Korea, Democratic People's Republic of"),
    ("KR", "Korea, Republic of"),
    ("KW", "Kuwait"),
    ("KY", "Cayman Islands"),
    ("KZ", "Kazakhstan"),
    ("LA", "Lao People's Democratic Republic"),
    ("LB", "Lebanon"),
    ("LC", "Saint Lucia"),
    ("LI", "Liechtenstein"),
    ("LK", "Sri Lanka"),
    ("LR", "Liberia"),
    ("LS", "Lesotho"),
    ("LT", "Lithuania"),
    ("LU", "Luxembourg"),
    ("LV", "Latvia"),
    ("LY", "Libya"),
    ("MA", "Morocco"),
    ("MC", "Monaco"),
    ("MD", "Moldova, Republic of"),
    ("ME", "Montenegro"),
    ("MF", "Saint Martin (French part)"),
    ("MG", "Madagascar"),
    ("MH", "Marshall Islands"),
    ("MK", "North Macedonia"),
    ("ML", "Mali"),
    ("MM", "Myanmar"),
    ("MN", "Mongolia"),
    ("MO", "Macao"),
    ("MP", "Northern Mariana Islands"),
    ("MQ", "Martinique"),
    ("MR", "Mauritania"),
    ("MS", "Montserrat"),
    ("MT", "Malta"),
    ("MU", "Mauritius"),
    ("MV", "Maldives"),
    ("MW", "Malawi"),
    ("MX", "Mexico"),
    ("MY", "Malaysia"),
    ("MZ", "Mozambique"),
    ("NA", "Namibia"),
    ("NC", "New Caledonia"),
    ("NE", "Niger"),
    ("NF", "Norfolk Island"),
    ("NG", "Nigeria"),
    ("NI", "Nicaragua"),
    ("NL", "Netherlands"),
    ("NO", "Norway"),
    ("NP", "Nepal"),
    ("NR", "Nauru"),
    ("NU", "Niue"),
    ("NZ", "New Zealand"),
    ("OM", "Oman"),
    ("PA", "Panama"),
    ("PE", "Peru"),
    ("PF", "French Polynesia"),
    ("PG", "Papua New Guinea"),
    ("PH", "Philippines"),
    ("PK", "Pakistan"),
    ("PL", "Poland"),
    ("PM", "Saint Pierre and Miquelon"),
    ("PN", "Pitcairn"),
    ("PR", "Puerto Rico"),
    ("PS", "Palestine, State of"),
    ("PT", "Portugal"),
    ("PW", "Palau"),
    ("PY", "Paraguay"),
    ("QA", "Qatar"),
    ("RE", "Réunion"),
    ("RO", "Romania"),
    ("RS", "Serbia"),
    ("RU", "Russian Federation"),
    ("RW", "Rwanda"),
    ("SA", "Saudi Arabia"),
    ("SB", "Solomon Islands"),
    ("SC", "Seychelles"),
    ("SD", "Sudan"),
    ("SE", "Sweden"),
    ("SG", "Singapore"),
    ("SH", "Saint Helena, Ascension and Tristan da Cunha"),
    ("SI", "Slovenia"),
    ("SJ", "Svalbard and Jan Mayen"),
    ("SK", "Slovakia"),
    ("SL", "Sierra Leone"),
    ("SM", "San Marino"),
    ("SN", "Senegal"),
    ("SO", "Somalia"),
    ("SR", "Suriname"),
    ("SS", "South Sudan"),
    ("ST", "Sao Tome and Principe"),
    ("SV", "El Salvador"),
    ("SX", "Sint Maarten (Dutch part)"),
    ("SY", "Syrian Arab Republic"),
    ("SZ", "Eswatini"),
    ("TC", "Turks and Caicos Islands"),
    ("TD", "Chad"),
    ("TF", "French Southern Territories"),
    ("TG", "Togo"),
    ("TH", "Thailand"),
    ("TJ", "Tajikistan"),
    ("TK", "Tokelau"),
    ("TL", "Timor-Leste"),
    ("TM", "Turkmenistan"),
    ("TN", "Tunisia"),
    ("TO", "Tonga"),
    ("TR", "Türkiye"),
    ("TT", "Trinidad and Tobago"),
    ("TV", "Tuvalu"),
    ("TW", "Taiwan"),
    ("TZ", "Tanzania, United Republic of"),
    ("UA", "Ukraine"),
    ("UG", "Uganda"),
    ("UM", "United States Minor Outlying Islands"),
    ("US", "United States of America"),
    ("UY", "Uruguay"),
    ("UZ", "Uzbekistan"),
    ("VA", "Holy See"),
    ("VC", "Saint Vincent and the Grenadines"),
    ("VE", "Venezuela, Bolivarian Republic of"),
    ("VG", "Virgin Islands (British)"),
    ("VI", "Virgin Islands (U.S.)"),
    ("VN", "Viet Nam"),
    ("VU", "Vanuatu"),
    ("WF", "Wallis and Futuna"),
    ("WS", "Samoa"),
    ("YE", "Yemen"),
    ("YT", "Mayotte"),
    ("ZA", "South Africa"),
    ("ZM", "Zambia"),
    ("ZW", "Zimbabwe"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_countries_as_in_iso_3166_and_each_once_in_order() {
        let codes: Vec<&str> = Country::all().map(|country| country.code).collect();
        assert_eq!(codes.len(), 249);
        assert!(codes.is_sorted_by(|a, b| a < b), "not in order, or twice");
        let known = |code: &str| codes.contains(&code);
        assert!(POSTAL_CODE_NEEDED.split_ascii_whitespace().all(known));
        assert!(STATES.iter().flat_map(|(_, codes)| codes.split_ascii_whitespace()).all(known));
        assert!(ALIASES.iter().all(|(alias, code)| known(code) && plain(alias) == **alias));
    }

    #[test]
    fn a_country_is_found_by_code_name_and_what_people_write() {
        for (text, code) in [
            ("DE", "DE"),
            ("de", "DE"),
            ("Germany", "DE"),
            ("germ", "DE"),
            ("UK", "GB"),
            ("U.K.", "GB"),
            ("usa", "US"),
            (" Hong Kong ", "HK"),
            ("österreich", "AT"),
            ("Réunion", "RE"),
            ("reunion", "RE"),
            ("Türkiye", "TR"),
            ("Niger", "NE"),
            ("Vietnam", "VN"),
            ("Ireland", "IE"),
            ("Guinea", "GN"),
        ] {
            assert_eq!(Country::meant_by(text).map(|country| country.code), Some(code), "{text}");
        }
        for text in ["", "XX", "united", "Atlantis", "gui", "EU"] {
            assert_eq!(Country::meant_by(text), None, "{text}");
        }
    }

    #[test]
    fn only_some_countries_need_a_postal_code_or_have_states_in_addresses() {
        let country = |code| Country::by_code(code).unwrap();
        for code in ["DE", "US", "JP", "GB", "PL"] {
            assert!(country(code).needs_postal_code(), "{code}");
        }
        for code in ["HK", "AE", "IE", "QA", "AO", "PA"] {
            assert!(!country(code).needs_postal_code(), "{code}");
        }
        assert_eq!(country("US").state_label(), Some("State"));
        assert_eq!(country("JP").state_label(), Some("Prefecture"));
        assert_eq!(country("DE").state_label(), None);
    }
}
