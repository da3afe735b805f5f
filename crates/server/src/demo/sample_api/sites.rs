//! What the sample API tells of: a water utility's sites, and what is measured there.

/// A place where something is measured.
pub struct Site {
    /// Its number.
    pub id: i32,
    /// When it was made, RFC 3339.
    pub creation_date: &'static str,
    /// What people call it.
    pub display_name: &'static str,
    /// `active` or `inactive`.
    pub status: &'static str,
    /// Degrees east, as text.
    pub longitude: &'static str,
    /// Degrees north, as text.
    pub latitude: &'static str,
    /// What is measured there.
    pub streams: &'static [Stream],
}

/// A series of measurements.
pub struct Stream {
    /// Its number.
    pub id: i32,
    /// What people call it.
    pub display_name: &'static str,
    /// What its numbers mean.
    pub unit: &'static str,
}

/// The organization that every site belongs to.
pub const ORGANIZATION_NUMBER: i32 = 2091;

/// Every site, by number.
pub const SITES: &[Site] = &[
    Site {
        id: 1001,
        creation_date: "2022-03-14T09:26:53Z",
        display_name: "Northern reservoir",
        status: "active",
        longitude: "34.9896",
        latitude: "32.7940",
        streams: &[
            Stream {
                id: 50_011,
                display_name: "Water level",
                unit: "m",
            },
            Stream {
                id: 50_012,
                display_name: "Turbidity",
                unit: "NTU",
            },
        ],
    },
    Site {
        id: 1002,
        creation_date: "2022-11-02T16:05:00Z",
        display_name: "Harbour pumping station",
        status: "active",
        longitude: "35.0018",
        latitude: "32.8191",
        streams: &[Stream {
            id: 50_021,
            display_name: "Flow",
            unit: "m3/h",
        }],
    },
    Site {
        id: 1003,
        creation_date: "2023-01-30T07:12:40Z",
        display_name: "Old mill weir",
        status: "inactive",
        longitude: "35.1107",
        latitude: "32.7011",
        streams: &[],
    },
];

/// The site with this number, as a path writes it.
pub fn find(id: &str) -> Option<&'static Site> {
    let id: i32 = id.parse().ok()?;
    SITES.iter().find(|site| site.id == id)
}
