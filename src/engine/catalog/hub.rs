//! `docker search`: repositories with stars and official marks, most of them to be found and not to be pulled.

/// A line of `docker search`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchResult {
    /// The familiar name: `ubuntu`, `jpetazzo/clock`.
    pub name: String,
    /// A line about it, sometimes empty.
    pub description: String,
    /// How many people like it.
    pub stars: u64,
    /// Whether it is on the short list.
    pub official: bool,
    /// Whether the Hub built it by itself.
    pub automated: bool,
}

/// Name, stars, built by the Hub, description. A name without a slash is official.
type Entry = (&'static str, u64, bool, &'static str);

const ENTRIES: &[Entry] = &[
    ("alpine", 11200, false, "A minimal image on Alpine Linux: a package index and a few megabytes"),
    ("busybox", 3350, false, "The usual commands of a Unix system in one small program"),
    ("centos", 7750, false, "The retired image of CentOS, kept for old lessons"),
    ("debian", 5150, false, "Debian, a distribution of free software made by volunteers"),
    ("fedora", 1250, false, "Fedora, where things that others will have tomorrow are tried"),
    ("hello-world", 2420, false, "The smallest thing that can be run, and a greeting"),
    ("mongo", 10400, false, "A database of documents"),
    ("mysql", 15700, false, "MySQL, a widely used relational database"),
    ("nginx", 20800, false, "A web server and reverse proxy"),
    ("postgres", 14300, false, "PostgreSQL, an object-relational database"),
    ("python", 10200, false, "Python, an interpreted language"),
    ("redis", 13000, false, "Redis is an open source key-value store that keeps its data in memory"),
    ("registry", 4150, false, "The registry that images are pushed to and pulled from"),
    ("ruby", 2450, false, "Ruby, a language that wants to make programmers happy"),
    ("tomcat", 3800, false, "Tomcat, a container for Java servlets"),
    ("ubuntu", 17500, false, "Ubuntu is a Debian-based Linux operating system for desk and cloud"),
    ("jpetazzo/clock", 14, true, "Prints the date, once a second"),
    ("training/namer", 9, true, "Makes up names of companies"),
    ("training/webapp", 24, true, "A web application to try things with"),
    ("mesosphere/marathon", 105, true, "A cluster-wide init and control system for services"),
    ("mesoscloud/marathon", 31, true, "Marathon"),
    ("mesosphere/marathon-lb", 22, true, "Script to update haproxy based on marathon state"),
    ("tobilg/mongodb-marathon", 4, true, "A Docker image to start a dynamic MongoDB replica set"),
    ("jplock/zookeeper", 77, true, "Builds a docker image for Zookeeper version 3.4"),
    ("mesoscloud/zookeeper", 23, true, "ZooKeeper"),
    ("mbabineau/zookeeper-exhibitor", 12, true, ""),
    ("digitalwonderland/zookeeper", 4, true, "Latest Zookeeper - clusterable"),
    ("springxd/zookeeper", 4, true, "A Docker image that can run a ZooKeeper server"),
    ("testcontainers/ryuk", 12, false, "Takes away the containers that a test run has left behind"),
    ("grafana/grafana", 3210, false, "Dashboards over measurements"),
    ("redis/redis-stack", 170, false, "Redis with its modules and a page to look at it"),
    ("redis/redis-stack-server", 115, false, "Redis with its modules"),
    ("redis/redisinsight", 62, false, "A page to look into a Redis with"),
    ("rediscommander/redis-commander", 105, false, "Manages Redis through a browser"),
    ("bitnami/redis", 320, true, "Redis, packed by Bitnami"),
    ("ubuntu/nginx", 140, false, "Nginx on Ubuntu, looked after for long"),
    ("ubuntu/redis", 25, false, "Redis on Ubuntu, looked after for long"),
    ("ubuntu/bind9", 120, false, "A name server on Ubuntu, looked after for long"),
    ("ubuntu/postgres", 44, false, "PostgreSQL on Ubuntu, looked after for long"),
    ("bitnami/postgresql", 250, true, "PostgreSQL, packed by Bitnami"),
    ("dpage/pgadmin4", 1120, false, "Manages PostgreSQL through a browser"),
    ("alpine/git", 250, false, "Git on Alpine, as a command"),
    ("alpine/socat", 115, false, "socat on Alpine, as a command"),
    ("rancher/hello-world", 6, false, "A page that says which container answered"),
    ("nginx/nginx-ingress", 115, false, "Nginx as the way into a cluster"),
    ("nginxinc/nginx-unprivileged", 190, false, "Nginx as an ordinary user"),
];

/// What a search for `term` finds: repositories with it in their name or description, the official one of that name first,
/// then by stars.
pub fn search(term: &str) -> Vec<SearchResult> {
    let term = term.to_lowercase();
    let term = term.strip_prefix("library/").unwrap_or(&term);
    let mut found: Vec<&Entry> = ENTRIES
        .iter()
        .filter(|(name, _, _, description)| {
            name.contains(term) || description.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|w| w == term)
        })
        .collect();
    found.sort_by_key(|(name, stars, ..)| (*name != term, std::cmp::Reverse(*stars)));
    found
        .into_iter()
        .map(|(name, stars, automated, description)| SearchResult {
            name: (*name).to_owned(),
            description: (*description).to_owned(),
            stars: *stars,
            official: !name.contains('/'),
            automated: *automated,
        })
        .collect()
}
