//! What templates give, and how their errors read; both as Go's text/template and Docker's client have it.

use serde_json::json;

use super::types::{self, Struct};
use super::{Value, execute, parse};

fn container() -> serde_json::Value {
    json!({
        "Id": "18bc5",
        "Name": "/web",
        "State": {"Status": "running", "Running": true, "Pid": 12, "ExitCode": 0, "OOMKilled": false, "StartedAt": "x"},
        "Config": {
            "Cmd": ["a", "b"], "Labels": {"x": "y", "a": "b"}, "ExposedPorts": {"80/tcp": {}}, "Entrypoint": null,
            "Healthcheck": {"Interval": 90_000_000_000_u64, "Timeout": 1_500_000}, "Foreign": {"a": 12, "b": null},
        },
        "NetworkSettings": {
            "IPAddress": "1.2.3.4",
            "Ports": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8090"}], "81/tcp": null},
            "Networks": {"n": {"IPAMConfig": null, "NetworkID": "x"}},
        },
        "Mounts": [],
        "Created": "2025-05-21T21:04:09Z",
        "HostConfig": {
            "NanoCpus": 5, "NetworkMode": "bridge", "PidsLimit": 3, "LogConfig": {"Type": "json-file", "Config": {}},
            "Ulimits": [{"Name": "nofile", "Hard": 5, "Soft": 4}], "BlkioWeightDevice": [{"Path": "/dev/x", "Weight": 3}],
        },
    })
}

/// As `docker inspect` does: with a type, and without one where that fails.
fn render(template: &str) -> Result<String, String> {
    let template = parse(template)?;
    let typed = execute(&template, &Value::typed(container(), &types::container::CONTAINER), false);
    typed.or_else(|_| execute(&template, &Value::raw(container()), false))
}

/// Objects as a whole have all the fields of their types, in Go's order, and JSON has those that it must have.
#[test]
fn objects_are_those_of_docker_s_types() {
    let network = json!({
        "Name": "n", "Created": "2026-11-29T13:14:05+01:00", "ConfigOnly": false,
        "IPAM": {"Driver": "default", "Options": {}, "Config": [{"Subnet": "10.0.0.0/8", "Gateway": "10.0.0.1"}]},
    });
    let image = json!({
        "RootFS": {}, "Config": {"Hostname": "", "Env": ["A=b"], "Cmd": ["sh"], "Labels": null},
        "Metadata": {"LastTagTime": "2026-11-29T13:14:09.5Z"},
    });
    let mount =
        json!({"Mounts": [{"Type": "bind", "Source": "/a", "Destination": "/b", "Mode": "ro", "RW": false, "Propagation": "rprivate"}]});
    let context = json!({
        "Name": "c", "Metadata": {"z": 1, "Description": "d", "a": 2}, "Endpoints": {"docker": {"Host": "tcp://h"}}, "TLSMaterial": {},
        "Storage": {"MetadataPath": "m", "TLSPath": "t"},
    });
    let info = json!({
        "BridgeNfIptables": true, "HttpProxy": "p", "Swarm": {"LocalNodeState": "inactive"}, "Runtimes": {"runc": {"path": "runc"}},
        "RegistryConfig": {"Mirrors": null, "InsecureRegistryCIDRs": ["::1/128"], "IndexConfigs": {"docker.io": {"Secure": true, "Name": "docker.io"}}, "Own": 1},
    });
    let cases: [(&serde_json::Value, &'static Struct, &str, &str); 19] = [
        (
            &network,
            &types::network::NETWORK,
            "{{.IPAM}} {{.Created}}",
            "{default map[] [{10.0.0.0/8  10.0.0.1 map[]}]} 2026-11-29 13:14:05 +0100 +0100",
        ),
        (&network, &types::network::NETWORK, "{{json .IPAM.Config}}", r#"[{"Subnet":"10.0.0.0/8","Gateway":"10.0.0.1"}]"#),
        (&image, &types::image::IMAGE, "{{.Config}}", "{{ map[] [A=b] [] [sh] map[]  map[]  false} {<nil> [] []}}"),
        (&image, &types::image::IMAGE, "{{json .Config}}", r#"{"Env":["A=b"],"Cmd":["sh"]}"#),
        (
            &image,
            &types::image::IMAGE,
            "{{json .}}",
            r#"{"Id":"","RepoTags":null,"RepoDigests":null,"Parent":"","Comment":"","DockerVersion":"","Author":"","Config":{"Env":["A=b"],"Cmd":["sh"]},"Architecture":"","Os":"","Size":0,"GraphDriver":{"Data":null,"Name":""},"RootFS":{},"Metadata":{"LastTagTime":"2026-11-29T13:14:09.5Z"}}"#,
        ),
        (
            &image,
            &types::image::IMAGE,
            "{{.Metadata.LastTagTime}} {{.Metadata}} {{json .Metadata.LastTagTime}}",
            "2026-11-29 13:14:09.5 +0000 UTC {2026-11-29 13:14:09.5 +0000 UTC} \"2026-11-29T13:14:09.5Z\"",
        ),
        (&mount, &types::container::CONTAINER, "{{.Mounts}}", "[{bind  /a /b  ro false rprivate}]"),
        (&context, &types::client::CONTEXT, "{{.}}", "{{c {d map[a:2 z:1]} map[docker:{tcp://h false}]} map[] {m t}}"),
        (
            &context,
            &types::client::CONTEXT,
            "{{.Metadata}} {{.Endpoints.docker.Host}}",
            "{c {d map[a:2 z:1]} map[docker:{tcp://h false}]} tcp://h",
        ),
        (
            &context,
            &types::client::CONTEXT,
            "{{json .Metadata}}",
            r#"{"Name":"c","Metadata":{"Description":"d","a":2,"z":1},"Endpoints":{"docker":{"Host":"tcp://h","SkipTLSVerify":false}}}"#,
        ),
        (&info, &types::system::WHOLE_INFO, "{{.HTTPProxy}}{{.HTTPSProxy}} {{.UserName}}", "p "),
        (
            &info,
            &types::system::WHOLE_INFO,
            "{{.Swarm}} {{.Runtimes}}",
            "{  inactive false  [] 0 0 <nil> []} map[runc:{{runc []  map[]} map[]}]",
        ),
        (
            &info,
            &types::system::WHOLE_INFO,
            "{{json .Swarm}} {{json .Runtimes}}",
            r#"{"NodeID":"","NodeAddr":"","LocalNodeState":"inactive","ControlAvailable":false,"Error":"","RemoteManagers":null} {"runc":{"path":"runc"}}"#,
        ),
        (
            &info,
            &types::system::WHOLE_INFO,
            "{{json .RegistryConfig}}",
            r#"{"IndexConfigs":{"docker.io":{"Mirrors":null,"Name":"docker.io","Official":false,"Secure":true}},"InsecureRegistryCIDRs":["::1/128"],"Mirrors":null,"Own":1}"#,
        ),
        (
            &info,
            &types::system::WHOLE_INFO,
            "{{.HttpProxy}}",
            "!:1:2: executing \"\" at <.HttpProxy>: can't evaluate field HttpProxy in type system.dockerInfo",
        ),
        (
            &info,
            &types::system::WHOLE_INFO,
            "{{.BridgeNfIptables}}",
            "!:1:2: executing \"\" at <.BridgeNfIptables>: can't evaluate field BridgeNfIptables in type system.dockerInfo",
        ),
        (
            &info,
            &types::system::WHOLE_INFO,
            "{{.ClientInfo.Nope}}",
            "!:1:13: executing \"\" at <.ClientInfo.Nope>: can't evaluate field Nope in type *system.clientInfo",
        ),
        (
            &info,
            &types::system::WHOLE_INFO,
            "{{.Swarm.LocalNodeState.Nope}}",
            "!:1:8: executing \"\" at <.Swarm.LocalNodeState.Nope>: can't evaluate field Nope in type swarm.LocalNodeState",
        ),
        (
            &info,
            &types::system::WHOLE_INFO,
            "{{.Containerd.Address}}",
            "!:1:13: executing \"\" at <.Containerd.Address>: nil pointer evaluating *system.ContainerdInfo.Address",
        ),
    ];
    for (object, of, template, wanted) in cases {
        let given = parse(template).and_then(|parsed| execute(&parsed, &Value::typed(object.clone(), of), false));
        let wanted = wanted.strip_prefix('!').map_or_else(|| Ok(wanted.to_owned()), |e| Err(format!("template: {e}")));
        assert_eq!(given, wanted, "{template}");
    }
}

#[test]
fn templates_give_what_go_gives() {
    for (template, wanted) in [
        ("plain", "plain"),
        ("{{.Name}} {{.State.Pid}} {{.State.Running}}", "/web 12 true"),
        ("{{.ID}} {{.HostConfig.NanoCPUs}} {{.HostConfig.Resources.NanoCPUs}} {{.ContainerJSONBase.ID}}", "18bc5 5 5 18bc5"),
        ("{{.Id}} {{.HostConfig.NanoCpus}}", "18bc5 5"),
        ("{{json .Config.Cmd}} {{json .Name}}", "[\"a\",\"b\"] \"/web\""),
        ("{{.Config.Cmd}} {{.Config.Labels}} {{.NetworkSettings.Ports}}", "[a b] map[a:b x:y] map[80/tcp:[{127.0.0.1 8090}] 81/tcp:[]]"),
        ("{{.Config.Entrypoint}} {{.State.Health}} {{.Config.Labels.none}}", "[] <nil> <no value>"),
        ("{{with .Config}}{{.Env}} {{.StopSignal}}.{{.StopTimeout}}{{end}} {{.SizeRw}}", "[] .<nil> <nil>"),
        ("{{range .Config.Cmd}}[{{.}}]{{else}}none{{end}}", "[a][b]"),
        ("{{range .Mounts}}x{{else}}none{{end}}", "none"),
        ("{{range $i, $e := .Config.Cmd}}{{$i}}={{$e}},{{end}}", "0=a,1=b,"),
        ("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}} {{end}}", "a=b x=y "),
        ("{{range .Config.Cmd}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}", "a"),
        (
            "{{range $p, $b := .NetworkSettings.Ports}}{{$p}} {{with $b}}-> {{(index . 0).HostPort}} {{end}}{{end}}",
            "80/tcp -> 8090 81/tcp ",
        ),
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
        ("{{.Created}} {{.HostConfig.LogConfig}}", "2025-05-21T21:04:09Z {json-file map[]}"),
        ("{{.HostConfig.Ulimits}} {{.HostConfig.BlkioWeightDevice}}", "[nofile=4:5] [/dev/x:3]"),
        (
            "{{.State}} {{print .State}}",
            "{running true false false false false 12 0  x  <nil>} &{running true false false false false 12 0  x  <nil>}",
        ),
        ("{{.Config.Healthcheck}} {{.Config.Healthcheck.Interval}}", "{[] 1m30s 1.5ms 0s 0s 0} 1m30s"),
        (
            "{{json .Config.Healthcheck}} {{json .HostConfig.Ulimits}}",
            r#"{"Interval":90000000000,"Timeout":1500000} [{"Name":"nofile","Hard":5,"Soft":4}]"#,
        ),
        ("{{index .NetworkSettings.Networks \"none\"}} {{index .Config.Labels \"none\"}}.", "<nil> ."),
        ("{{.NetworkSettings.Networks.none}} {{.NetworkSettings.Networks.none.Env}}", "<no value> <no value>"),
        ("{{.Config.Foreign}} {{.Config.Foreign.a}} {{.Config.Foreign.b}}", "map[a:12 b:<nil>] 12 <no value>"),
        (
            "{{index .Config.Foreign \"z\"}} {{printf \"%d %T %v\" .Config.Foreign.a .Config.Foreign.a .Config.Foreign.a}}",
            "<no value> %!d(json.Number=12) json.Number 12",
        ),
        (
            "{{json .State.Health}} {{json .HostConfig.Init}} {{json .Config.Entrypoint}} {{printf \"%s\" .Config.Entrypoint}}",
            "null null null []",
        ),
        ("{{lower .HostConfig.NetworkMode}} {{len .State}}", "bridge 6"),
        ("{{eq .State.Health nil}} {{not .State.Health}} {{and .State.Health .Name}}", "true true <nil>"),
        (
            "{{html .State}} {{js .Name}} {{js `<a='\"\\`}}",
            "{running true false false false false 12 0  x  &lt;nil&gt;} /web \\u003Ca\\u003D\\'\\\"\\\\",
        ),
        ("{{slice .Config.Cmd 1}} {{.Config.Cmd | len}} {{len \"abc\" | printf \"%03d\"}}", "[b] 2 003"),
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
        (
            "{{.NetworkSettings.Ports.foo}}",
            "template: :1:18: executing \"\" at <.NetworkSettings.Ports.foo>: map has no entry for key \"foo\"",
        ),
        (
            "{{(index .NetworkSettings.Networks \"none\").IPAddress}}",
            "template: :1:35: executing \"\" at <\"none\">: nil data; no entry for key \"IPAddress\"",
        ),
        ("{{index .Networks \"none\"}}", "template: :1:8: executing \"\" at <.Networks>: map has no entry for key \"Networks\""),
        (
            "{{.NetworkSettings.Networks.n.Env}}",
            "template: :1:18: executing \"\" at <.NetworkSettings.Networks.n.Env>: map has no entry for key \"Env\"",
        ),
        ("{{.Config.Foreign.b.c}}", "template: :1:9: executing \"\" at <.Config.Foreign.b.c>: nil pointer evaluating interface {}.c"),
        ("{{range .Name}}x{{end}}", "template: :1:8: executing \"\" at <.Name>: range can't iterate over /web"),
        ("{{.State.Health.Status}}", "template: :1:8: executing \"\" at <.State.Health.Status>: map has no entry for key \"Health\""),
        (
            "{{join .Config.Cmd \",\"}}{{.State.Foo}}",
            "template: :1:14: executing \"\" at <.Config.Cmd>: wrong type for value; expected []string; got []interface {}",
        ),
        ("{{(.Name).Foo}}", "template: :1:3: executing \"\" at <.Name>: can't evaluate field Foo in type string"),
        (
            "{{(index (index .NetworkSettings.Ports \"82/tcp\") 0).HostPort}}",
            "template: :1:3: executing \"\" at <index (index .NetworkSettings.Ports \"82/tcp\") 0>: error calling index: index of untyped nil",
        ),
        (
            "{{(index .NetworkSettings.Ports \"82/tcp\" 0).HostPort}}",
            "template: :1:3: executing \"\" at <index .NetworkSettings.Ports \"82/tcp\" 0>: error calling index: index of nil pointer",
        ),
        (
            "{{eq .HostConfig.PidsLimit 3}}",
            "template: :1:2: executing \"\" at <eq .HostConfig.PidsLimit 3>: error calling eq: incompatible types for comparison",
        ),
        ("{{upper .State.Foo}}", "template: :1:14: executing \"\" at <.State.Foo>: map has no entry for key \"Foo\""),
        ("{{.Id \"x\"}}", "template: :1:2: executing \"\" at <.Id>: Id is not a method but has arguments"),
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
