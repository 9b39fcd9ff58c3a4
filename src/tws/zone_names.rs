//! Names of time zones as TWS writes them, and the zones of the IANA database that they may mean. TWS takes the name from its computer and its
//! language: it may be an IANA name, an abbreviation, or a name in words.

/// The zones that a name may mean, the likeliest first. None for an IANA name that is nothing else, and for a name nobody knows.
pub(super) fn candidates(name: &str) -> &'static [&'static str] {
    abbreviation(name).or_else(|| words(name)).unwrap_or(&[])
}

/// Abbreviations go before IANA names: there `EST` is a zone without summer time, but New York's TWS writes it all the year.
fn abbreviation(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "UTC" | "UCT" | "GMT" | "Z" => &["Etc/UTC"],
        "EST" | "EDT" | "ET" => &["America/New_York", "America/Panama"],
        "CST" => &["America/Chicago", "Asia/Shanghai", "America/Mexico_City"],
        "CDT" | "CT" => &["America/Chicago"],
        "MST" => &["America/Denver", "America/Phoenix"],
        "MDT" => &["America/Denver"],
        "PST" => &["America/Los_Angeles", "Asia/Manila"],
        "PDT" => &["America/Los_Angeles"],
        "AKST" | "AKDT" => &["America/Anchorage"],
        "HST" => &["Pacific/Honolulu"],
        "AST" => &["America/Halifax", "America/Puerto_Rico", "Asia/Riyadh"],
        "ADT" => &["America/Halifax"],
        "NST" | "NDT" => &["America/St_Johns"],
        "BRT" => &["America/Sao_Paulo"],
        "ART" => &["America/Argentina/Buenos_Aires"],
        "CLT" | "CLST" => &["America/Santiago"],
        "COT" => &["America/Bogota"],
        "PET" => &["America/Lima"],
        "BST" => &["Europe/London", "Asia/Dhaka"],
        "WET" | "WEST" => &["Europe/Lisbon"],
        "CET" | "CEST" | "MEZ" | "MESZ" | "MET" | "MEST" => &["Europe/Berlin"],
        "EET" | "EEST" => &["Europe/Athens"],
        "MSK" => &["Europe/Moscow"],
        "TRT" => &["Europe/Istanbul"],
        "SAST" => &["Africa/Johannesburg"],
        "IST" => &["Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"],
        "IDT" => &["Asia/Jerusalem"],
        "GST" => &["Asia/Dubai"],
        "PKT" => &["Asia/Karachi"],
        "ICT" => &["Asia/Bangkok"],
        "WIB" => &["Asia/Jakarta"],
        "SGT" => &["Asia/Singapore"],
        "MYT" => &["Asia/Kuala_Lumpur"],
        "PHT" => &["Asia/Manila"],
        "HKT" => &["Asia/Hong_Kong"],
        "JST" => &["Asia/Tokyo"],
        "KST" => &["Asia/Seoul"],
        "AWST" => &["Australia/Perth"],
        "ACST" => &["Australia/Adelaide", "Australia/Darwin"],
        "ACDT" => &["Australia/Adelaide"],
        "AEST" => &["Australia/Sydney", "Australia/Brisbane"],
        "AEDT" => &["Australia/Sydney"],
        "NZST" | "NZDT" => &["Pacific/Auckland"],
        _ => return None,
    })
}

/// Names in words, English ones of Java and of Windows: `British Summer Time`, `Central European Standard Time`, `W. Europe Standard Time`.
fn words(name: &str) -> Option<&'static [&'static str]> {
    let place = [
        " Standard Time",
        " Summer Time",
        " Daylight Time",
        " Mean Time",
        " Time",
    ]
    .iter()
    .find_map(|kind| name.strip_suffix(kind))?;
    Some(match place {
        "Coordinated Universal" | "Greenwich" => &["Etc/UTC"],
        "Eastern" => &["America/New_York", "America/Panama", "Australia/Sydney"],
        "Central" => &["America/Chicago", "Australia/Adelaide"],
        "Mountain" => &["America/Denver", "America/Phoenix"],
        "US Mountain" => &["America/Phoenix"],
        "Pacific" => &["America/Los_Angeles"],
        "Alaska" | "Alaskan" => &["America/Anchorage"],
        "Hawaii" | "Hawaiian" | "Hawaii-Aleutian" => &["Pacific/Honolulu"],
        "Atlantic" => &["America/Halifax", "America/Puerto_Rico"],
        "Newfoundland" => &["America/St_Johns"],
        "Brasilia" | "E. South America" => &["America/Sao_Paulo"],
        "Argentina" => &["America/Argentina/Buenos_Aires"],
        "British" | "GMT" => &["Europe/London"],
        "Irish" => &["Europe/Dublin"],
        "Western European" => &["Europe/Lisbon"],
        "Central European" | "Middle European" | "W. Europe" | "Romance" => &["Europe/Berlin"],
        "Central Europe" => &["Europe/Budapest"],
        "Eastern European" | "FLE" | "GTB" | "E. Europe" => &["Europe/Athens"],
        "Moscow" | "Russian" => &["Europe/Moscow"],
        "Turkey" => &["Europe/Istanbul"],
        "South Africa" => &["Africa/Johannesburg"],
        "Israel" => &["Asia/Jerusalem"],
        "Gulf" | "Arabian" => &["Asia/Dubai"],
        "India" => &["Asia/Kolkata"],
        "Indochina" | "SE Asia" => &["Asia/Bangkok"],
        "China" => &["Asia/Shanghai"],
        "Hong Kong" => &["Asia/Hong_Kong"],
        "Taipei" => &["Asia/Taipei"],
        "Singapore" => &["Asia/Singapore"],
        "Malaysia" => &["Asia/Kuala_Lumpur"],
        "Philippine" | "Philippines" => &["Asia/Manila"],
        "Japan" | "Tokyo" => &["Asia/Tokyo"],
        "Korean" | "Korea" => &["Asia/Seoul"],
        "Australian Western" | "W. Australia" => &["Australia/Perth"],
        "Australian Central" | "Cen. Australia" => &["Australia/Adelaide", "Australia/Darwin"],
        "Australian Eastern" | "AUS Eastern" => &["Australia/Sydney", "Australia/Brisbane"],
        "New Zealand" => &["Pacific/Auckland"],
        _ => return None,
    })
}
