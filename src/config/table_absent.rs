//! The table's second half: Java's keys whose feature is not there yet. They take their default
//! and the values that mean "off"; anything else is refused with a sentence, so that nobody
//! believes in a setting that does nothing.

use super::key::Convert::Same;
use super::key::{Alias, Importance, Key, Kind};
use super::table::{NULL, alias, keys};

const SERIALIZER: &str = "Ottla takes bytes; serialise in your language's binding";
const METRICS: &str = "there are no metrics in this version yet; leave it out";
const SASL: &str = "SASL is not in this version yet; use security.protocol=PLAINTEXT and leave \
                    sasl.* out";
const TLS: &str = "TLS is not in this version yet; use security.protocol=PLAINTEXT and leave \
                   ssl.* out";
const TRANSACTIONS: &str = "transactions are not in this version yet; leave it out and use the \
                            idempotent producer, which is the default";

const BYTE_ARRAYS: Option<&str> = Some("org.apache.kafka.common.serialization.ByteArraySerializer");
const BYTE_ARRAYS_WHY: &str = "Java has no default and asks for a class; here records are bytes.";
const RETRIEVER: Option<&str> =
    Some("org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever");
const VALIDATOR: Option<&str> =
    Some("org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator");

const ANY_INT: Kind = Kind::int(i32::MIN as i64);
const ANY_LONG: Kind = Kind::long(i64::MIN);
const ANY_DOUBLE: Kind = Kind::Double(f64::MIN, f64::MAX);

/// The one partitioner class of Java's that has its equal here.
const ROUND_ROBIN: &str = "org.apache.kafka.clients.producer.RoundRobinPartitioner";

/// In Java's order.
pub(super) static JAVA: &[Key] = keys! {
    "interceptor.classes", Kind::List, Some(""), Low,
        "Code that sees records before they are sent and when they are acknowledged.",
        refused("Java classes cannot be run here; use ottla_config_add_interceptor");
    "key.serializer", Kind::Class, BYTE_ARRAYS, High,
        "How keys become bytes.", refused(SERIALIZER), differs("none", BYTE_ARRAYS_WHY);
    "metric.reporters", Kind::List, Some(""), Low,
        "Where metrics are reported to.",
        refused(METRICS),
        differs("org.apache.kafka.common.metrics.JmxReporter", "There is no JMX outside Java.");
    "metrics.num.samples", Kind::int(1), Some("2"), Low,
        "How many samples a metric is computed of.", refused(METRICS);
    "metrics.recording.level", Kind::OneOf(&["INFO", "DEBUG", "TRACE"]), Some("INFO"), Low,
        "Which metrics are recorded.", refused(METRICS);
    "metrics.sample.window.ms", Kind::long(0), Some("30000"), Low,
        "How long a sample of a metric is.", refused(METRICS);
    "partitioner.class", Kind::Class, NULL, Medium,
        "Code that chooses partitions; without it keys are hashed as in Java (murmur2) and the \
         others spread in batches (KIP-794). `RoundRobinPartitioner`, with or without its package \
         (`org.apache.kafka.clients.producer`), gives each partition a record in turn.",
        refused("Java classes cannot be run here but for RoundRobinPartitioner; use \
         ottla_config_set_partitioner, or leave it out for Java's default partitioner"),
        taken(&["RoundRobinPartitioner", ROUND_ROBIN]);
    "sasl.client.callback.handler.class", Kind::Class, NULL, Medium,
        "Code that answers SASL's questions.", refused(SASL);
    "sasl.jaas.config", Kind::Password, NULL, Medium,
        "Login context with its secrets.", refused(SASL);
    "sasl.kerberos.kinit.cmd", Kind::Text, Some("/usr/bin/kinit"), Low,
        "Kerberos' kinit.", refused(SASL);
    "sasl.kerberos.min.time.before.relogin", ANY_LONG, Some("60000"), Low,
        "Milliseconds between two logins.", refused(SASL);
    "sasl.kerberos.service.name", Kind::Text, NULL, Medium,
        "The brokers' Kerberos name.", refused(SASL);
    "sasl.kerberos.ticket.renew.jitter", ANY_DOUBLE, Some("0.05"), Low,
        "Randomness of the time of renewal.", refused(SASL);
    "sasl.kerberos.ticket.renew.window.factor", ANY_DOUBLE, Some("0.8"), Low,
        "The part of a ticket's life after which it is renewed.", refused(SASL);
    "sasl.login.callback.handler.class", Kind::Class, NULL, Medium,
        "Code that answers the login's questions.", refused(SASL);
    "sasl.login.class", Kind::Class, NULL, Medium,
        "Code that logs in.", refused(SASL);
    "sasl.login.connect.timeout.ms", ANY_INT, NULL, Low,
        "Limit on connecting to the identity provider.", refused(SASL);
    "sasl.login.read.timeout.ms", ANY_INT, NULL, Low,
        "Limit on reading from the identity provider.", refused(SASL);
    "sasl.login.refresh.buffer.seconds", Kind::Whole("short", 0, 3600), Some("300"), Low,
        "Time left before expiry when a credential is refreshed.", refused(SASL);
    "sasl.login.refresh.min.period.seconds", Kind::Whole("short", 0, 900), Some("60"), Low,
        "Time between two refreshes.", refused(SASL);
    "sasl.login.refresh.window.factor", Kind::Double(0.5, 1.0), Some("0.8"), Low,
        "The part of a credential's life after which it is refreshed.", refused(SASL);
    "sasl.login.refresh.window.jitter", Kind::Double(0.0, 0.25), Some("0.05"), Low,
        "Randomness of the time of refresh.", refused(SASL);
    "sasl.login.retry.backoff.max.ms", ANY_LONG, Some("10000"), Low,
        "The longest wait between login attempts.", refused(SASL);
    "sasl.login.retry.backoff.ms", ANY_LONG, Some("100"), Low,
        "The first wait between login attempts.", refused(SASL);
    "sasl.mechanism", Kind::Text, Some("GSSAPI"), Medium,
        "The SASL mechanism.", aliases(alias!("sasl.mechanisms")), refused(SASL);
    "sasl.oauthbearer.assertion.algorithm", Kind::OneOf(&["ES256", "RS256"]), Some("RS256"), Medium,
        "How an assertion is signed.", refused(SASL);
    "sasl.oauthbearer.assertion.claim.aud", Kind::Text, NULL, Medium,
        "An assertion's audience.", refused(SASL);
    "sasl.oauthbearer.assertion.claim.exp.seconds", Kind::Whole("int", 0, 86400), Some("300"), Low,
        "An assertion's life.", refused(SASL);
    "sasl.oauthbearer.assertion.claim.iss", Kind::Text, NULL, Medium,
        "An assertion's issuer.", refused(SASL);
    "sasl.oauthbearer.assertion.claim.jti.include", Kind::Bool, Some("false"), Medium,
        "Whether an assertion has an id.", refused(SASL);
    "sasl.oauthbearer.assertion.claim.nbf.seconds", Kind::Whole("int", 0, 3600), Some("60"), Low,
        "How far back an assertion is valid.", refused(SASL);
    "sasl.oauthbearer.assertion.claim.sub", Kind::Text, NULL, Medium,
        "An assertion's subject.", refused(SASL);
    "sasl.oauthbearer.assertion.file", Kind::Text, NULL, Medium,
        "A file with an assertion.", refused(SASL);
    "sasl.oauthbearer.assertion.private.key.file", Kind::Text, NULL, Medium,
        "A file with the key that signs assertions.", refused(SASL);
    "sasl.oauthbearer.assertion.private.key.passphrase", Kind::Password, NULL, Medium,
        "That key's passphrase.", refused(SASL);
    "sasl.oauthbearer.assertion.template.file", Kind::Text, NULL, Medium,
        "A file with more claims.", aliases(alias!("sasl.oauthbearer.assertion.jwt.template.file")),
        refused(SASL);
    "sasl.oauthbearer.client.credentials.client.id", Kind::Text, NULL, Medium,
        "The client's id at the identity provider.", aliases(alias!("sasl.oauthbearer.client.id")),
        refused(SASL);
    "sasl.oauthbearer.client.credentials.client.secret", Kind::Password, NULL, Medium,
        "The client's secret there.", aliases(alias!("sasl.oauthbearer.client.secret")),
        refused(SASL);
    "sasl.oauthbearer.clock.skew.seconds", ANY_INT, Some("30"), Low,
        "How far two clocks may be apart.", refused(SASL);
    "sasl.oauthbearer.expected.audience", Kind::List, NULL, Low,
        "Audiences that brokers accept.", refused(SASL);
    "sasl.oauthbearer.expected.issuer", Kind::Text, NULL, Low,
        "The issuer that brokers accept.", refused(SASL);
    "sasl.oauthbearer.header.urlencode", Kind::Bool, Some("false"), Low,
        "Whether id and secret are URL-encoded.", refused(SASL);
    "sasl.oauthbearer.jwks.endpoint.refresh.ms", ANY_LONG, Some("3600000"), Low,
        "How often brokers fetch keys.", refused(SASL);
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", ANY_LONG, Some("10000"), Low,
        "The longest wait between those attempts.", refused(SASL);
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", ANY_LONG, Some("100"), Low,
        "The first wait between those attempts.", refused(SASL);
    "sasl.oauthbearer.jwks.endpoint.url", Kind::Text, NULL, Medium,
        "Where brokers fetch keys.", refused(SASL);
    "sasl.oauthbearer.jwt.retriever.class", Kind::Class, RETRIEVER, Medium,
        "Code that gets tokens.", refused(SASL);
    "sasl.oauthbearer.jwt.validator.class", Kind::Class, VALIDATOR, Medium,
        "Code that checks tokens.", refused(SASL);
    "sasl.oauthbearer.scope", Kind::Text, NULL, Medium,
        "The scope asked for.", refused(SASL);
    "sasl.oauthbearer.scope.claim.name", Kind::Text, Some("scope"), Low,
        "The claim with the scope.", refused(SASL);
    "sasl.oauthbearer.sub.claim.name", Kind::Text, Some("sub"), Low,
        "The claim with the subject.", refused(SASL);
    "sasl.oauthbearer.token.endpoint.url", Kind::Text, NULL, Medium,
        "Where tokens are fetched.", refused(SASL);
    "security.protocol", Kind::OneOf(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]),
        Some("PLAINTEXT"), Medium,
        "How connections are protected.",
        refused("TLS and SASL are not in this version yet; use security.protocol=PLAINTEXT");
    "security.providers", Kind::Text, NULL, Low,
        "Java's security providers.", refused(TLS);
    "ssl.cipher.suites", Kind::List, NULL, Low,
        "Cipher suites.", refused(TLS);
    "ssl.enabled.protocols", Kind::List, Some("TLSv1.2,TLSv1.3"), Medium,
        "TLS versions.", refused(TLS);
    "ssl.endpoint.identification.algorithm", Kind::Text, Some("https"), Low,
        "How a broker's name is checked.", refused(TLS);
    "ssl.engine.factory.class", Kind::Class, NULL, Low,
        "Code that makes TLS engines.", refused(TLS);
    "ssl.key.password", Kind::Password, NULL, High,
        "The private key's password.", refused(TLS);
    "ssl.keymanager.algorithm", Kind::Text, Some("SunX509"), Low,
        "Java's key manager.", refused(TLS);
    "ssl.keystore.certificate.chain", Kind::Password, NULL, High,
        "The client's certificates, PEM.", refused(TLS);
    "ssl.keystore.key", Kind::Password, NULL, High,
        "The client's private key, PEM.", refused(TLS);
    "ssl.keystore.location", Kind::Text, NULL, High,
        "The key store file.", refused(TLS);
    "ssl.keystore.password", Kind::Password, NULL, High,
        "The key store's password.", refused(TLS);
    "ssl.keystore.type", Kind::Text, Some("JKS"), Medium,
        "The key store's format.", refused(TLS);
    "ssl.protocol", Kind::Text, Some("TLSv1.3"), Medium,
        "The TLS version of new contexts.", refused(TLS);
    "ssl.provider", Kind::Text, NULL, Medium,
        "Java's TLS provider.", refused(TLS);
    "ssl.secure.random.implementation", Kind::Text, NULL, Low,
        "Java's random numbers.", refused(TLS);
    "ssl.trustmanager.algorithm", Kind::Text, Some("PKIX"), Low,
        "Java's trust manager.", refused(TLS);
    "ssl.truststore.certificates", Kind::Password, NULL, High,
        "Trusted certificates, PEM.", refused(TLS);
    "ssl.truststore.location", Kind::Text, NULL, High,
        "The trust store file.", refused(TLS);
    "ssl.truststore.password", Kind::Password, NULL, High,
        "The trust store's password.", refused(TLS);
    "ssl.truststore.type", Kind::Text, Some("JKS"), Medium,
        "The trust store's format.", refused(TLS);
    "transaction.timeout.ms", ANY_INT, Some("60000"), Low,
        "The longest a transaction may be open.", refused(TRANSACTIONS);
    "transaction.two.phase.commit.enable", Kind::Bool, Some("false"), Low,
        "Whether transactions are part of a two-phase commit.", refused(TRANSACTIONS);
    "transactional.id", Kind::NonEmptyText, NULL, Low,
        "The name under which transactions are taken up again.", refused(TRANSACTIONS);
    "value.serializer", Kind::Class, BYTE_ARRAYS, High,
        "How values become bytes.", refused(SERIALIZER), differs("none", BYTE_ARRAYS_WHY);
};
