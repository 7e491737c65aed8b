//! Tests of parsing service configs, and of the errors of invalid ones.

use std::time::Duration;

use super::*;
use crate::Code;

fn error(json: &str) -> String {
    let error = ServiceConfig::from_json_strict(json).unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    error.message().to_owned()
}

#[test]
fn the_most_exact_entry_counts() {
    let config = ServiceConfig::from_json(
        r#"{"methodConfig": [
            {"name": [{}], "timeout": "1s"},
            {"name": [{"service": "a.B"}], "timeout": "2s"},
            {"name": [{"service": "a.B", "method": "C"}, {"service": "a.B", "method": "D"}], "timeout": "3s"}
        ]}"#,
    )
    .unwrap();
    for (path, seconds) in [("/a.B/C", 3), ("/a.B/D", 3), ("/a.B/E", 2), ("/a.C/C", 1)] {
        let timeout = config.method(path).unwrap().timeout;
        assert_eq!(timeout, Some(Duration::from_secs(seconds)), "{path}");
    }
    let config = ServiceConfig::from_json("{}").unwrap();
    assert!(config.method("/a.B/C").is_none());
}

#[test]
fn the_first_policy_that_is_known_counts() {
    for (list, policy) in [
        (
            r#"[{"xds": {"x": 1}}, {"round_robin": {}}]"#,
            "round_robin(())",
        ),
        (
            r#"[{"pick_first": {}}, {"round_robin": {}}]"#,
            "pick_first(())",
        ),
        (
            r#"[{"least_request_experimental": {}}]"#,
            "least_request_experimental(LeastRequestConfig { choice_count: 2 })",
        ),
        (
            r#"[{"least_request_experimental": {"choiceCount": 4}}]"#,
            "least_request_experimental(LeastRequestConfig { choice_count: 4 })",
        ),
    ] {
        let config = format!(r#"{{"loadBalancingConfig": {list}}}"#);
        let config = ServiceConfig::from_json(&config).unwrap();
        assert_eq!(format!("{:?}", config.load_balancing().unwrap()), policy);
    }
}

#[test]
fn row_61_one_choice_is_refused() {
    for choices in ["0", "1"] {
        let config = format!(
            r#"{{"loadBalancingConfig": [{{"least_request_experimental": {{"choiceCount": {choices}}}}}]}}"#
        );
        let said = "service config: loadBalancingConfig[0].least_request_experimental.choiceCount: it is at least 2";
        assert_eq!(error(&config), said);
        let lenient = ServiceConfig::from_json(&config).unwrap_err();
        assert_eq!(lenient.message(), said);
    }
}

#[test]
fn row_76_a_config_for_another_client_is_taken() {
    let config = r#"{
        "loadBalancingPolicy": "Round_Robin",
        "clientLanguage": ["go"],
        "methodConfig": [
            {"timeout": "1s", "retryPolicy": {"maxAttempts": 1}},
            {"name": null, "timeout": "2s"},
            {"name": [], "timeout": "3s"},
            {"name": [{"service": "a.B", "comment": "x"}], "timeout": "4s", "priority": 1,
             "retryPolicy": {"maxAttempts": 2, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 2,
                             "retryableStatusCodes": ["UNAVAILABLE"], "perAttemptRecvTimeout": "1s"}}
        ]
    }"#;
    let read = ServiceConfig::from_json(config).unwrap();
    assert_eq!(read.load_balancing().unwrap().name(), "round_robin");
    let method = read.method("/a.B/C").unwrap();
    assert_eq!(method.timeout, Some(Duration::from_secs(4)));
    assert!(method.retry.is_some());
    assert!(read.method("/a.C/C").is_none());
    assert_eq!(
        error(config),
        "service config: methodConfig[0].name: it is missing, and the entry is for no method"
    );
    let unknown = ServiceConfig::from_json(r#"{"loadBalancingPolicy": "grpclb"}"#).unwrap();
    assert!(unknown.load_balancing().is_none());
    let both =
        r#"{"loadBalancingPolicy": "round_robin", "loadBalancingConfig": [{"pick_first": {}}]}"#;
    let both = ServiceConfig::from_json_strict(both).unwrap();
    assert_eq!(both.load_balancing().unwrap().name(), "pick_first");
    // A known field of the wrong type is still an error: its meaning cannot be guessed.
    assert!(
        ServiceConfig::from_json(r#"{"methodConfig": [{"name": [{}], "timeout": 1}]}"#).is_err()
    );
}

#[test]
fn errors_name_the_place_of_an_invalid_value() {
    let policy = |fields: &str| {
        format!(r#"{{"methodConfig": [{{"name": [{{}}], "retryPolicy": {{{fields}}}}}]}}"#)
    };
    let outliers = |fields: &str| {
        let child = r#""childPolicy": [{"round_robin": {}}]"#;
        format!(
            r#"{{"loadBalancingConfig": [{{"outlier_detection_experimental": {{{child}, {fields}}}}}]}}"#
        )
    };
    let hedging = |fields: &str| policy(fields).replace("retryPolicy", "hedgingPolicy");
    let good = r#""maxAttempts": 3, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 2, "retryableStatusCodes": [14]"#;
    ServiceConfig::from_json(&policy(good)).unwrap();
    for (json, said) in [
        ("[]".to_owned(), "the config: an array is not an object"),
        (r#"{"x": 1}"#.to_owned(), "x: there is no such field"),
        (
            r#"{"methodConfig": [{"timeout": "1s"}]}"#.to_owned(),
            "methodConfig[0].name: it is missing, and the entry is for no method",
        ),
        (
            r#"{"methodConfig": [{"name": []}]}"#.to_owned(),
            "methodConfig[0].name: it is missing, and the entry is for no method",
        ),
        (
            r#"{"loadBalancingPolicy": "grpclb"}"#.to_owned(),
            "loadBalancingPolicy: this policy is unknown; the known ones are pick_first, round_robin, least_request_experimental, weighted_round_robin, outlier_detection_experimental",
        ),
        (
            r#"{"methodConfig": [{"name": [{}], "timeout": "1"}]}"#.to_owned(),
            "methodConfig[0].timeout: \"1\" is not a duration, as \"1.5s\"",
        ),
        (
            r#"{"methodConfig": [{"name": [{}], "timeOut": "1s"}]}"#.to_owned(),
            "methodConfig[0].timeOut: there is no such field",
        ),
        (
            r#"{"methodConfig": [{"name": [{"method": "a"}]}]}"#.to_owned(),
            "methodConfig[0].name[0].method: a method stands with its service",
        ),
        (
            r#"{"methodConfig": [{"name": [{}, {}]}]}"#.to_owned(),
            "methodConfig[0].name[1]: there is an entry for it already",
        ),
        (
            policy(&good.replace('3', "1")),
            "methodConfig[0].retryPolicy.maxAttempts: it must be at least 2",
        ),
        (
            policy(&good.replace("[14]", "[]")),
            "methodConfig[0].retryPolicy.retryableStatusCodes: it must have at least one code",
        ),
        (
            policy(&good.replace("14", "\"DOWN\"")),
            "methodConfig[0].retryPolicy.retryableStatusCodes[0]: \"DOWN\" is not a status code, as \"UNAVAILABLE\"",
        ),
        (
            policy(&good.replacen("1s", "0s", 1)),
            "methodConfig[0].retryPolicy.initialBackoff: it has to be above 0",
        ),
        (
            policy(&good.replace(": 2", ": 0")),
            "methodConfig[0].retryPolicy.backoffMultiplier: 0 is not a number above 0",
        ),
        (
            r#"{"retryThrottling": {"maxTokens": 2000, "tokenRatio": 1}}"#.to_owned(),
            "retryThrottling.maxTokens: it is at most 1000",
        ),
        (
            r#"{"healthCheckConfig": {"serviceName": 1}}"#.to_owned(),
            "healthCheckConfig.serviceName: 1 is not a string",
        ),
        (
            r#"{"healthCheckConfig": {"service": ""}}"#.to_owned(),
            "healthCheckConfig.service: there is no such field",
        ),
        (
            r#"{"connectionScaling": {"maxConnectionsPerSubchannel": 0}}"#.to_owned(),
            "connectionScaling.maxConnectionsPerSubchannel: there has to be one",
        ),
        (
            r#"{"loadBalancingConfig": [{}]}"#.to_owned(),
            "loadBalancingConfig[0]: it has to have exactly one field",
        ),
        (
            policy(good).replace("}]}", r#", "hedgingPolicy": {"maxAttempts": 2}}]}"#),
            "methodConfig[0].hedgingPolicy: a method has this or a retryPolicy, and not both",
        ),
        (
            hedging(r#""maxAttempts": 1"#),
            "methodConfig[0].hedgingPolicy.maxAttempts: it must be at least 2",
        ),
        (
            hedging(r#""maxAttempts": 2, "hedgingDelay": 1"#),
            "methodConfig[0].hedgingPolicy.hedgingDelay: 1 is not a duration, as \"1.5s\"",
        ),
        (
            hedging(r#""maxAttempts": 2, "maxBackoff": "1s""#),
            "methodConfig[0].hedgingPolicy.maxBackoff: there is no such field",
        ),
        (
            outliers(r#""interval": "10""#),
            "loadBalancingConfig[0].outlier_detection_experimental.interval: \"10\" is not a duration, as \"1.5s\"",
        ),
        (
            outliers(r#""interval": "0s""#),
            "loadBalancingConfig[0].outlier_detection_experimental.interval: it has to be above 0",
        ),
        (
            outliers(r#""maxEjectionPercent": 101"#),
            "loadBalancingConfig[0].outlier_detection_experimental.maxEjectionPercent: it is at most 100",
        ),
        (
            outliers(r#""successRateEjection": {"threshold": 1}"#),
            "loadBalancingConfig[0].outlier_detection_experimental.successRateEjection.threshold: there is no such field",
        ),
        (
            outliers(r#""failurePercentageEjection": {"minimumHosts": 5000000000}"#),
            "loadBalancingConfig[0].outlier_detection_experimental.failurePercentageEjection.minimumHosts: it is too large",
        ),
        (
            r#"{"loadBalancingConfig": [{"outlier_detection_experimental": {}}]}"#.to_owned(),
            "loadBalancingConfig[0].outlier_detection_experimental.childPolicy: it is missing",
        ),
    ] {
        assert_eq!(error(&json), format!("service config: {said}"), "{json}");
    }
    assert!(error(r#"{"loadBalancingConfig": [{"xds": {}}]}"#).contains("none of these policies"));
    assert!(error("{").contains("line 1, column 2"));
}
