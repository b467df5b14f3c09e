//! What templates give, and how their errors read; both as Go's text/template and Docker's client have it.

use serde_json::json;

use super::{Value, execute, parse};

fn container() -> serde_json::Value {
    json!({
        "Id": "18bc5",
        "Name": "/web",
        "State": {"Status": "running", "Running": true, "Pid": 12, "ExitCode": 0, "OOMKilled": false},
        "Config": {"Cmd": ["a", "b"], "Labels": {"x": "y", "a": "b"}, "ExposedPorts": {"80/tcp": {}}, "Entrypoint": null},
        "NetworkSettings": {"IPAddress": "1.2.3.4", "Ports": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8090"}]}},
        "Mounts": [],
        "Created": "2025-05-21T21:04:09Z",
        "Metadata": {"LastTagTime": "2026-11-29T13:14:09.5Z"},
        "Net": {"Created": "2026-11-29T13:14:05+01:00", "IPAM": {}},
        "HostConfig": {"NanoCpus": 5},
    })
}

fn render(template: &str) -> Result<String, String> {
    execute(&parse(template)?, &Value::engine(container()), false)
}

/// Objects as a whole have all the fields of their types, in Go's order, and JSON has those that it must have.
#[test]
fn objects_are_those_of_docker_s_types() {
    let network = json!({"Name": "n", "IPAM": {"Driver": "default", "Options": {}, "Config": [{"Subnet": "10.0.0.0/8", "Gateway": "10.0.0.1"}]}, "ConfigOnly": false});
    let image = json!({"RootFS": {}, "Config": {"Hostname": "", "Env": ["A=b"], "Cmd": ["sh"], "Labels": null}});
    let container = json!({
        "HostConfig": {"LogConfig": {"Type": "json-file", "Config": {}}},
        "State": {"Status": "running", "OOMKilled": false, "Pid": 7},
        "Mounts": [{"Type": "bind", "Source": "/a", "Destination": "/b", "Mode": "ro", "RW": false, "Propagation": "rprivate"}],
        "NetworkSettings": {"Networks": {"n": {"IPAMConfig": null, "NetworkID": "x", "DriverOpts": null}}},
    });
    for (object, template, wanted) in [
        (&network, "{{.IPAM}}", "{default map[] [{10.0.0.0/8  10.0.0.1 map[]}]}"),
        (&network, "{{json .IPAM.Config}}", r#"[{"Subnet":"10.0.0.0/8","Gateway":"10.0.0.1"}]"#),
        (&image, "{{.Config}}", "{{ map[] [A=b] [] [sh] map[]  map[]  false} {<nil> [] []}}"),
        (&image, "{{json .Config}}", r#"{"Env":["A=b"],"Cmd":["sh"]}"#),
        (&image, "{{json .}}", r#"{"RootFS":{},"Config":{"Env":["A=b"],"Cmd":["sh"]}}"#),
        (&container, "{{.Mounts}} {{.HostConfig.LogConfig}}", "[{bind  /a /b  ro false rprivate}] {json-file map[]}"),
        (&container, "{{.State}}", "{running false false false false false 7 0    <nil>}"),
        (
            &container,
            "{{json .NetworkSettings.Networks}}",
            r#"{"n":{"IPAMConfig":null,"Links":null,"Aliases":null,"MacAddress":"","DriverOpts":null,"GwPriority":0,"NetworkID":"x","EndpointID":"","Gateway":"","IPAddress":"","IPPrefixLen":0,"IPv6Gateway":"","GlobalIPv6Address":"","GlobalIPv6PrefixLen":0,"DNSNames":null}}"#,
        ),
    ] {
        let given = parse(template).and_then(|parsed| execute(&parsed, &Value::engine(object.clone()), false));
        assert_eq!(given.as_deref(), Ok(wanted), "{template}");
    }
}

#[test]
fn templates_give_what_go_gives() {
    for (template, wanted) in [
        ("plain", "plain"),
        ("{{.Name}} {{.State.Pid}} {{.State.Running}}", "/web 12 true"),
        ("{{.ID}} {{.Id}} {{.HostConfig.NanoCPUs}}", "18bc5 18bc5 5"),
        ("{{json .Config.Cmd}} {{json .Name}}", "[\"a\",\"b\"] \"/web\""),
        ("{{.Config.Cmd}} {{.Config.Labels}} {{.NetworkSettings.Ports}}", "[a b] map[a:b x:y] map[80/tcp:[{127.0.0.1 8090}]]"),
        ("{{.Config.Entrypoint}} {{.State.Health}} {{.Config.Labels.none}}", "[] <nil> <no value>"),
        ("{{with .Config}}{{.Env}} {{.StopSignal}}.{{.Healthcheck}}{{end}} {{.SizeRw}}", "[] .<nil> <nil>"),
        ("{{range .Config.Cmd}}[{{.}}]{{else}}none{{end}}", "[a][b]"),
        ("{{range .Mounts}}x{{else}}none{{end}}", "none"),
        ("{{range $i, $e := .Config.Cmd}}{{$i}}={{$e}},{{end}}", "0=a,1=b,"),
        ("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}} {{end}}", "a=b x=y "),
        ("{{range .Config.Cmd}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}", "a"),
        ("{{range $p, $b := .NetworkSettings.Ports}}{{$p}} -> {{(index $b 0).HostPort}}{{end}}", "80/tcp -> 8090"),
        ("{{(index (index .NetworkSettings.Ports \"80/tcp\") 0).HostPort}}", "8090"),
        ("{{if .State.Running}}up{{else}}down{{end}}", "up"),
        ("{{if .State.Health}}sick{{else if .Mounts}}mounted{{else}}plain{{end}}", "plain"),
        ("{{if and .State.Running (gt .State.Pid 5)}}yes{{end}}", "yes"),
        ("{{with .Config}}{{$.Name}} {{len .Cmd}}{{end}}", "/web 2"),
        ("a {{- \" b \" -}} c", "a b c"),
        ("{{/* nothing */}}x", "x"),
        ("{{$x := 5}}{{$x}}{{$x = 6}}{{$x}}", "56"),
        ("{{.Name | printf \"%q\" | len}}", "6"),
        ("{{join .Config.Cmd \",\"}} {{upper \"a\"}} {{title \"ab cd\"}} {{split \"a,b\" \",\"}}", "a,b A Ab Cd [a b]"),
        ("{{pad \"x\" 2 1}}|{{truncate \"abcdef\" 3}}|{{index .Config.Cmd 1}}|{{slice .Name 1}}", "  x |abc|b|web"),
        ("{{printf \"%5d|%-5s|%v|%x|%08.3f|%%\" 3 \"a\" .Config.Cmd 255 3.14159}}", "    3|a    |[a b]|ff|0003.142|%"),
        ("{{print 1 2 \"a\" \"b\" 3}} {{println \"x\" 1}}", "1 2ab3 x 1\n"),
        ("{{not .Name}} {{or \"\" \"x\"}} {{eq 1 2 1}} {{ne \"a\" \"b\"}} {{lt 1 2}} {{ge 2 2}}", "false x true true true true"),
        ("{{define \"a\"}}<{{.}}>{{end}}{{template \"a\" .Name}}{{template \"a\"}}", "</web><<no value>>"),
        ("{{block \"a\" .Config}}{{len .Cmd}}{{end}} {{template `a` .Config}}", "2 2"),
        ("{{define \"a\"}} {{end}}{{define \"a\"}}y{{end}}{{template \"a\"}}", "y"),
        ("{{$x := 1}}{{block \"a\" .}}{{$.Name}}{{end}}{{$x}}", "/web1"),
        ("{{define \"l\"}}{{.}}{{if gt (len .) 1}},{{template \"l\" slice . 1}}{{end}}{{end}}{{template \"l\" .Name}}", "/web,web,eb,b"),
        (
            "{{.Metadata.LastTagTime}} {{.Metadata}} {{json .Metadata.LastTagTime}}",
            "2026-11-29 13:14:09.5 +0000 UTC {2026-11-29 13:14:09.5 +0000 UTC} \"2026-11-29T13:14:09.5Z\"",
        ),
        ("{{.Created}} {{.Net.Created}}", "2025-05-21T21:04:09Z 2026-11-29 13:14:05 +0100 +0100"),
        ("{{1.5}} {{0x10}} {{`raw`}} {{\"a\\tb\"}} {{true}} {{'a'}}", "1.5 16 raw a\tb true 97"),
    ] {
        assert_eq!(render(template).as_deref(), Ok(wanted), "{template}");
    }
}

#[test]
fn errors_read_as_go_has_them() {
    for (template, wanted) in [
        ("{{", "template: :1: unclosed action"),
        ("{{foo}}", "template: :1: function \"foo\" not defined"),
        ("{{$y}}", "template: :1: undefined variable \"$y\""),
        ("{{.}", "template: :1: bad character U+007D '}'"),
        ("{{range .Mounts}}", "template: :1: unexpected EOF"),
        ("{{end}}", "template: :1: unexpected {{end}}"),
        ("{{if}}{{end}}", "template: :1: missing value for if"),
        ("{{\"abc}}", "template: :1: unterminated quoted string"),
        ("{{.State.Foo}}", "template: :1:8: executing \"\" at <.State.Foo>: map has no entry for key \"Foo\""),
        ("{{.id}}", "template: :1:2: executing \"\" at <.id>: map has no entry for key \"id\""),
        ("\n{{.Name.Foo}}", "template: :2:7: executing \"\" at <.Name.Foo>: can't evaluate field Foo in type interface {}"),
        ("{{index .Config.Cmd 9}}", "template: :1:2: executing \"\" at <index .Config.Cmd 9>: error calling index: index out of range: 9"),
        ("{{eq 1 \"a\"}}", "template: :1:2: executing \"\" at <eq 1 \"a\">: error calling eq: incompatible types for comparison"),
        ("{{template \"x\"}}", "template: :1:11: executing \"\" at <{{template \"x\"}}>: template \"x\" not defined"),
        (
            "{{define \"a\"}}{{.Nope}}{{end}}{{template \"a\" .}}",
            "template: :1:16: executing \"a\" at <.Nope>: map has no entry for key \"Nope\"",
        ),
        (
            "{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}",
            "template: :1:25: executing \"a\" at <{{template \"a\"}}>: exceeded maximum template depth (100000)",
        ),
        ("{{define a}}x{{end}}", "template: :1: unexpected \"a\" in define clause"),
        ("{{define \"a\"}}x{{else}}y{{end}}", "template: :1: unexpected {{else}} in define clause"),
        ("{{if 1}}{{define \"a\"}}{{end}}{{end}}", "template: :1: unexpected <define> in command"),
        ("{{define \"a\"}}x{{end}}{{define \"a\"}}y{{end}}", "template: :1: template: multiple definition of template \"a\""),
        ("{{template}}", "template: :1: unexpected \"}}\" in template clause"),
        ("{{$x := 1}}{{define \"a\"}}{{$x}}{{end}}", "template: :1: undefined variable \"$x\""),
        ("{{range .Mounts}}{{block \"a\" .}}{{break}}{{end}}{{end}}", "template: :1: {{break}} outside {{range}}"),
        ("{{call .Name}}", "template: :1:2: executing \"\" at <call .Name>: error calling call: non-function .Name of type string"),
        ("{{1 | call}}", "template: :1:6: executing \"\" at <call>: error calling call: non-function 1 of type int"),
        ("{{if .Name = 1}}{{end}}", "template: :1: unexpected \"=\" in operand"),
        ("{{json}}", "template: :1:2: executing \"\" at <json>: wrong number of args for json: want 1 got 0"),
    ] {
        assert_eq!(render(template), Err(wanted.to_owned()), "{template}");
    }
}

#[test]
fn depth_has_an_end() {
    for deep in [
        "{{".to_owned() + &"(".repeat(100_000),
        "{{if 1}}".repeat(100_000),
        "{{if 1}}{{else ".to_owned() + &"if 1}}{{else ".repeat(100_000),
        "{{block \"a\" .}}".repeat(100_000),
    ] {
        assert!(parse(&deep).is_err());
    }
    let nested = format!(
        "{{{{define \"a\"}}}}{}{{{{template \"a\"}}}}{}{{{{end}}}}{{{{template \"a\"}}}}",
        "{{if 1}}".repeat(45),
        "{{end}}".repeat(45)
    );
    assert!(render(&nested).is_err());
}

mod any_text {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}") {
            let _ = render(&text);
        }

        #[test]
        fn nor_does_what_looks_like_a_template(
            parts in prop::collection::vec(prop::sample::select(vec![
                "{{", "}}", ".", "$x", ":=", "|", "(", ")", " ", "if", "range", "with", "end", "else", "index", "len", "slice", "printf", "pad",
                "\"%99999999d\"", "9223372036854775807", "-1", ".Config.Cmd", ".Name", "join", "truncate", "0", "1e400", "break", ",", "-",
                "define", "template", "block", "\"a\"", "call",
            ]), 0..16),
        ) {
            let _ = render(&parts.concat());
            let _ = render(&format!("{{{{{}}}}}", parts.join(" ")));
        }
    }
}
