//! `comity bench --quick`: every scenario runs, counts what it should and draws its picture. Nothing
//! is said about speed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::process::Command;

type Value = serde_json::Value;

fn bench(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_comity"))
        .arg("bench")
        .args(arguments)
        .output()
        .unwrap()
}

/// Those of the server that do not take minutes in a build for debugging.
const SERVER: [&str; 12] = [
    "idle", "pairs", "many", "single", "paced", "offline", "pair", "group-8", "group-64", "logins",
    "catch-up", "cold",
];
const CLIENT: [&str; 5] = [
    "encrypt",
    "decrypt",
    "client-catch-up",
    "open-store",
    "load-group",
];

#[test]
fn every_scenario_of_the_server_runs_and_tells_what_it_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (kept, picture) = (folder.path().join("kept"), folder.path().join("bench.svg"));
    let (kept, picture) = (kept.to_str().unwrap(), picture.to_str().unwrap());
    let flags = [
        "--quick",
        "--json",
        "--prepared",
        kept,
        "--picture",
        picture,
    ];
    let output = bench(&[&flags[..], &SERVER].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let results = report["results"].as_array().unwrap();
    let names: Vec<_> = results
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "idle", "pairs", "many", "single", "paced", "store", "drain", "pair", "group-8",
            "group-64", "logins", "catch-up", "cold"
        ]
    );
    for one in results {
        let number = |field: &str| one[field].as_f64().unwrap_or(f64::NAN);
        assert!(
            number("messages") >= 1.0 && number("seconds") > 0.0,
            "{one}"
        );
        assert!(number("per_second") > 0.0, "{one}");
        assert!(number("server_cpu_s_per_100k") >= 0.0, "{one}");
    }
    let of = |name: &str| results.iter().find(|one| one["name"] == name).unwrap();
    for name in [
        "pairs", "many", "single", "paced", "pair", "group-8", "group-64",
    ] {
        let one = of(name);
        // Durable before its acknowledgement, and counted once; what shares a commit shares a row.
        assert!(one["rows_per_message"].as_f64().unwrap() > 0.0, "{one}");
        assert!(one["syncs"].as_u64().unwrap() >= 1, "{one}");
        assert!(one["messages_per_commit"].as_f64().unwrap() > 0.0, "{one}");
        assert!(one["message_bytes"].as_u64().unwrap() >= 300, "{one}");
        assert!(one["p50_ms"].as_f64() <= one["p99_ms"].as_f64(), "{one}");
    }
    assert!(of("pairs")["bytes_per_message"].as_f64().unwrap() > 350.0);
    for (name, messages) in [
        ("store", 400),
        ("drain", 400),
        ("pair", 20),
        ("group-64", 20),
        ("catch-up", 200),
        ("logins", 20),
    ] {
        assert_eq!(of(name)["messages"], messages, "{name}");
    }
    assert!(of("idle")["bytes_per_connection"].is_u64());
    let drawn = std::fs::read_to_string(picture).unwrap();
    assert!(drawn.starts_with("<svg") && drawn.contains("catch-up"));

    // What was prepared is used again.
    let again = bench(&["--quick", "--prepared", kept, "pairs"]);
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(again.status.success(), "{said}");
    assert!(!said.contains("signing up"), "{said}");
    let table = String::from_utf8(again.stdout).unwrap();
    assert!(table.contains("pairs      |"), "{table}");
}

#[test]
fn a_load_that_lasts_is_judged_and_the_server_stands_it() {
    let output = bench(&["lasting", "--quick", "--json"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let one = &report["results"][0];
    assert_eq!(one["name"], "lasting");
    assert!(one["messages"].as_u64().unwrap() > 100, "{one}");
    assert!(one["memory_bytes"].as_u64().unwrap() > 1 << 20, "{one}");
}

#[test]
fn a_load_that_lasts_notices_limits_that_are_off() {
    let output = bench(&[
        "lasting",
        "--quick",
        "--limit",
        "appends_per_second=1000000",
        "--limit",
        "appends_burst=1000000",
        "--limit",
        "registrations_per_address_per_hour=1000000",
        "--limit",
        "sign_in_timeout_ms=600000",
    ]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    for unmet in [
        "append: rate_limited",
        "registration: rate_limited",
        "silent WebSocket: unauthenticated",
    ] {
        assert!(said.contains(&format!("never met: {unmet}")), "{said}");
    }
    // And no other refusal is missed. What is taken without limits may take memory, too.
    assert_eq!(said.matches("never met: ").count(), 3, "{said}");
}

#[test]
fn every_scenario_of_the_client_runs_and_tells_what_it_counted() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("bench.svg");
    let flags = ["--quick", "--json", "--picture", picture.to_str().unwrap()];
    let output = bench(&[&flags[..], &CLIENT].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let results = report["client"].as_array().unwrap();
    assert!(
        std::fs::read_to_string(picture)
            .unwrap()
            .contains("decrypt-8")
    );
    let counted: Vec<_> = results
        .iter()
        .map(|one| {
            let name = one["name"].as_str().unwrap();
            (name, one["messages"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(
        counted,
        [
            ("encrypt-2", 20),
            ("encrypt-8", 20),
            ("decrypt-2", 20),
            ("decrypt-8", 20),
            ("client-catch-up", 200),
            ("open-store", 5),
            ("load-group", 20)
        ]
    );
    for one in results {
        assert!(one["cpu_us"].as_f64().unwrap() > 0.0, "{one}");
        assert!(one["p50_ms"].as_f64() <= one["p99_ms"].as_f64(), "{one}");
        assert!(one["per_second"].as_f64().unwrap() > 0.0, "{one}");
    }
    let of = |name: &str| results.iter().find(|one| one["name"] == name).unwrap();
    for name in ["encrypt-2", "decrypt-8", "client-catch-up"] {
        // A text of 300 bytes with its envelope, its keys and the padding.
        assert!(of(name)["message_bytes"].as_u64().unwrap() > 400, "{name}");
        assert!(of(name)["written_bytes"].is_number(), "{name}");
    }
    for name in ["encrypt-2", "decrypt-2"] {
        assert!(of(name)["growth"].as_f64().unwrap() > 0.0, "{name}");
    }
    // Thirty groups, each with its own state, are in the file.
    assert!(of("load-group")["store_bytes"].as_u64().unwrap() > 30 * 4_096);
}
