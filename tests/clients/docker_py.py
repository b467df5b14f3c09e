"""What programs do through docker-py, against the engine at DOCKER_HOST. It begins with no containers and has the image `busybox`.

Run by tests/docker_py.rs; by hand: DOCKER_HOST=unix:///… python3 docker_py.py [-k NAME]
"""

import io
import os
import socket
import tarfile
import threading
import time
import unittest

import docker
from docker.errors import APIError, ContainerError, ImageNotFound, NotFound
from docker.types import EndpointConfig, Healthcheck, IPAMConfig, IPAMPool, LogConfig, Mount, Ulimit

IMAGE = "busybox:latest"
client = docker.from_env(timeout=60)
api = client.api


def archive(name, content, mode=0o644, uid=0):
    """A tar archive of one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.uid = len(content), mode, uid
        tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def until(what, seconds=30):
    """Waits until `what()` is true, and gives it."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.02)


class Case(unittest.TestCase):
    def run_in(self, command, **options):
        """A running container, removed after the test."""
        container = client.containers.run(IMAGE, command, detach=True, **options)
        self.addCleanup(self.remove, container.id)
        return container

    def created(self, command="true", **options):
        container = client.containers.create(IMAGE, command, **options)
        self.addCleanup(self.remove, container.id)
        return container

    @staticmethod
    def remove(container):
        try:
            api.remove_container(container, force=True, v=True)
        except NotFound:
            pass

    def refused(self, status, words, call, *args, **options):
        with self.assertRaises(APIError) as caught:
            call(*args, **options)
        self.assertEqual(caught.exception.response.status_code, status, caught.exception)
        self.assertIn(words, caught.exception.explanation)


class Containers(Case):
    def test_run_gives_the_output(self):
        self.assertEqual(client.containers.run(IMAGE, "echo hello", remove=True), b"hello\n")
        self.assertEqual(client.containers.run(IMAGE, ["sh", "-c", "echo out; echo err >&2"], remove=True, stderr=True).count(b"\n"), 2)

    def test_run_that_fails(self):
        with self.assertRaises(ContainerError) as caught:
            client.containers.run(IMAGE, "sh -c 'echo no >&2; exit 3'", remove=True)
        self.assertEqual(caught.exception.exit_status, 3)
        self.assertIn(b"no", caught.exception.stderr)

    def test_run_of_no_program(self):
        self.refused(400, "nosuch", client.containers.run, IMAGE, "nosuch", remove=True)

    def test_run_of_no_image(self):
        with self.assertRaises(ImageNotFound):
            client.containers.run("no/such/image", "true")

    def test_create_gives_a_name_and_takes_one(self):
        first = self.created(name="py-named")
        self.assertEqual(first.name, "py-named")
        self.assertEqual(first.status, "created")
        self.refused(409, "already in use", client.containers.create, IMAGE, name="py-named")

    def test_environment_user_place_and_names(self):
        container = self.run_in(
            ["sh", "-c", "echo $A $B; id -u; pwd; hostname; cat /etc/hosts"],
            environment={"A": "1", "B": "two words"},
            user="1000:1000" if IDS else None,
            working_dir="/tmp",
            hostname="here",
            extra_hosts={"there": "10.1.2.3"},
        )
        container.wait()
        lines = container.logs().decode().splitlines()
        self.assertEqual(lines[:4], ["1 two words", "1000" if IDS else "0", "/tmp", "here"])
        self.assertTrue(any(line.split() == ["10.1.2.3", "there"] for line in lines))

    def test_host_config_comes_back(self):
        container = self.created(
            cap_add=["NET_ADMIN"],
            cap_drop=["MKNOD"],
            restart_policy={"Name": "on-failure", "MaximumRetryCount": 5},
            ulimits=[Ulimit(name="nofile", soft=100, hard=200)],
            labels={"a": "b"},
            group_add=["27"],
            shm_size="8m",
            init=True,
            sysctls={"net.ipv4.ip_forward": "0"},
            security_opt=["no-new-privileges"],
            log_config=LogConfig(type="json-file", config={"max-size": "10k"}),
            stop_signal="SIGINT",
            volumes=["/anonymous"],
            ports={"80/tcp": None, "81/udp": ("127.0.0.1", 0)},
        )
        host, config = container.attrs["HostConfig"], container.attrs["Config"]
        self.assertEqual(host["CapAdd"], ["NET_ADMIN"])
        self.assertEqual(host["CapDrop"], ["MKNOD"])
        self.assertEqual(host["RestartPolicy"], {"Name": "on-failure", "MaximumRetryCount": 5})
        self.assertEqual(host["Ulimits"], [{"Name": "nofile", "Hard": 200, "Soft": 100}])
        self.assertEqual((host["ShmSize"], host["GroupAdd"], host["Init"]), (8 << 20, ["27"], True))
        self.assertEqual(host["LogConfig"], {"Type": "json-file", "Config": {"max-size": "10k"}})
        self.assertEqual((config["Labels"], config["StopSignal"]), ({"a": "b"}, "SIGINT"))
        self.assertEqual(sorted(config["ExposedPorts"]), ["80/tcp", "81/udp"])
        self.assertEqual(container.attrs["Mounts"][0]["Destination"], "/anonymous")

    def test_propagation_is_shown_and_warned_of(self):
        folder = client.volumes.create().attrs["Mountpoint"]
        host = api.create_host_config(binds=[f"{folder}:/m:rshared"])
        made = api.create_container(IMAGE, "true", volumes=["/m"], host_config=host)
        self.addCleanup(self.remove, made["Id"])
        self.assertTrue(any("propagation" in warning for warning in made["Warnings"]))
        self.assertEqual(api.inspect_container(made["Id"])["Mounts"][0]["Propagation"], "rshared")

    def test_wait_stop_kill_and_restart(self):
        container = self.run_in("sh -c 'trap \"exit 9\" TERM; echo ready; while :; do sleep 0.05; done'")
        until(lambda: b"ready" in container.logs())
        container.stop(timeout=20)
        self.assertEqual(container.wait()["StatusCode"], 9)
        container.restart(timeout=0)
        container.reload()
        self.assertEqual(container.status, "running")
        container.kill()
        self.assertEqual(container.wait()["StatusCode"], 137)
        container.reload()
        self.assertFalse(container.attrs["State"]["Running"])
        self.refused(409, "is not running", container.kill)

    def test_wait_for_conditions(self):
        container = self.created("sh -c 'exit 4'", auto_remove=False)
        results = []
        thread = threading.Thread(target=lambda: results.append(container.wait(condition="next-exit")["StatusCode"]))
        thread.start()
        time.sleep(0.2)
        container.start()
        thread.join(30)
        self.assertEqual(results, [4])
        self.assertEqual(container.wait()["StatusCode"], 4)

    def test_kill_with_a_signal(self):
        container = self.run_in("sh -c 'trap \"echo caught\" USR1; echo ready; while :; do sleep 0.05; done'")
        until(lambda: b"ready" in container.logs())
        container.kill(signal="SIGUSR1")
        self.assertTrue(until(lambda: b"caught" in container.logs()))
        self.refused(400, "Invalid signal: NOSUCH", container.kill, signal="NOSUCH")

    def test_pause(self):
        container = self.run_in("sleep 1000")
        container.pause()
        container.reload()
        self.assertEqual(container.status, "paused")
        self.refused(409, "already paused", container.pause)
        container.unpause()
        container.reload()
        self.assertEqual(container.status, "running")

    def test_rename_and_remove(self):
        container = self.created()
        container.rename("py-renamed")
        container.reload()
        self.assertEqual(container.name, "py-renamed")
        container.remove()
        with self.assertRaises(NotFound):
            client.containers.get("py-renamed")
        running = self.run_in("sleep 1000")
        self.refused(409, "container is running", running.remove)
        running.remove(force=True)

    def test_a_link_can_be_removed(self):
        one = self.run_in("sleep 1000", name="py-one")
        two = self.run_in("sleep 1000", name="py-two", links={"py-one": "first"})
        self.assertIn("first", two.exec_run("cat /etc/hosts").output.decode())
        api.remove_container("py-two/first", link=True)
        self.assertEqual({c.name for c in client.containers.list()} >= {"py-one", "py-two"}, True)
        with self.assertRaises(NotFound):
            api.remove_container("py-two/first", link=True)
        self.assertEqual(one.status, "created")

    def test_list_and_filters(self):
        running = self.run_in("sleep 1000", name="py-list", labels={"py": "yes"})
        ended = self.run_in("sh -c 'exit 7'", labels={"py": "yes"})
        ended.wait()
        ids = lambda **options: {c.id for c in client.containers.list(**options)}  # noqa: E731
        self.assertEqual(ids(filters={"label": "py=yes"}), {running.id})
        self.assertEqual(ids(all=True, filters={"label": ["py"]}), {running.id, ended.id})
        self.assertEqual(ids(all=True, filters={"exited": 7, "label": "py"}), {ended.id})
        self.assertEqual(ids(filters={"name": "py-list"}), {running.id})
        self.assertEqual(ids(all=True, filters={"status": "exited", "label": "py"}), {ended.id})
        self.assertEqual(ids(filters={"ancestor": IMAGE, "label": "py"}), {running.id})
        self.assertEqual(len(api.containers(all=True, limit=1)), 1)
        listed = api.containers(filters={"name": "py-list"})[0]
        self.assertEqual((listed["Names"], listed["State"], listed["Image"]), (["/py-list"], "running", IMAGE))

    def test_top_and_stats(self):
        container = self.run_in("sleep 1000")
        top = container.top()
        self.assertEqual(top["Processes"][0][-1], "sleep 1000")
        self.assertEqual(container.top(ps_args="-o pid,comm")["Titles"], ["PID", "COMMAND"])
        stats = container.stats(stream=False)
        for key in ("read", "networks", "blkio_stats", "cpu_stats", "memory_stats", "precpu_stats", "pids_stats"):
            self.assertIn(key, stats)
        stream = container.stats(stream=True, decode=True)
        self.assertEqual(next(stream)["id"], container.id)

    def test_update(self):
        container = self.created(restart_policy={"Name": "no"})
        api.update_container(container.id, restart_policy={"Name": "on-failure", "MaximumRetryCount": 3})
        container.reload()
        self.assertEqual(container.attrs["HostConfig"]["RestartPolicy"]["Name"], "on-failure")

    def test_restart_policies(self):
        container = self.run_in("false", restart_policy={"Name": "on-failure", "MaximumRetryCount": 2})
        counted = until(lambda: (container.reload(), container.attrs["RestartCount"] == 2 and container.status == "exited")[1])
        self.assertTrue(counted)

    def test_health(self):
        container = self.run_in("sleep 1000", healthcheck=Healthcheck(test=["CMD-SHELL", "exit 0"], interval=10**8, retries=1))
        state = lambda: api.inspect_container(container.id)["State"]["Health"]["Status"]  # noqa: E731
        self.assertTrue(until(lambda: state() == "healthy"))
        self.assertEqual(container.attrs["Config"]["Healthcheck"]["Test"], ["CMD-SHELL", "exit 0"])

    def test_prune(self):
        container = self.created(labels={"prune": "me"})
        pruned = client.containers.prune(filters={"label": "prune=me"})
        self.assertEqual(pruned["ContainersDeleted"], [container.id])
        self.assertIn("SpaceReclaimed", pruned)

    def test_commit(self):
        container = self.run_in("touch /made")
        container.wait()
        image = container.commit(repository="py-commit", tag="1", changes=["EXPOSE 8000", 'CMD ["ls", "/made"]'], message="why")
        self.addCleanup(client.images.remove, "py-commit:1", force=True)
        self.assertIn("8000/tcp", image.attrs["Config"]["ExposedPorts"])
        self.assertEqual(client.containers.run("py-commit:1", remove=True), b"/made\n")


class Streams(Case):
    def test_logs(self):
        container = self.run_in(["sh", "-c", "echo one; echo two >&2; echo three"])
        container.wait()
        self.assertEqual(sorted(container.logs().split()), [b"one", b"three", b"two"])
        self.assertEqual(container.logs(stderr=False), b"one\nthree\n")
        self.assertEqual(container.logs(stdout=False), b"two\n")
        self.assertEqual(len(container.logs(tail=1).splitlines()), 1)
        self.assertEqual(container.logs(tail=0), b"")
        self.assertRegex(container.logs(stderr=False, timestamps=True).decode(), r"^\d{4}-\d\d-\d\dT[\d:.]+Z one\n")
        self.assertEqual(container.logs(until=int(time.time()) - 1000), b"")
        self.assertEqual(container.logs(since=int(time.time()) + 1000), b"")

    def test_logs_at_once(self):
        # Without waiting: an engine that starts a container slowly has the line by now.
        container = self.run_in("echo said")
        self.assertTrue(until(lambda: container.logs() == b"said\n"))

    def test_logs_that_follow(self):
        container = self.run_in(["sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.1; done"])
        self.assertEqual(b"".join(container.logs(stream=True, follow=True)), b"1\n2\n3\n")

    def test_logs_over_their_files(self):
        lines = "i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done"
        container = self.run_in(["sh", "-c", lines], log_config=LogConfig(type="json-file", config={"max-size": "4k", "max-file": "3"}))
        container.wait()
        kept = container.logs().decode().splitlines()
        self.assertEqual(kept, [f"line {n}" for n in range(300 - len(kept), 300)])
        self.assertTrue(60 < len(kept) < 250, len(kept))
        self.assertEqual(container.logs(tail=len(kept) - 5).decode().splitlines(), kept[5:])

    def test_attach(self):
        container = self.created("cat", stdin_open=True)
        socket = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
        container.start()
        raw = getattr(socket, "_sock", socket)
        raw.sendall(b"typed\n")
        head = raw.recv(8, 256)
        self.assertEqual((head[0], head[7]), (1, 6))
        self.assertEqual(raw.recv(6, 256), b"typed\n")
        socket.close()

    def test_attach_by_websocket(self):
        try:
            import websocket
        except ImportError:
            self.skipTest("websocket-client is not there")
        container = self.created(["sh", "-c", "read x; echo got $x; echo err >&2; read y; echo end; exit 3"], stdin_open=True)

        def connect(query, name=container.id):
            # docker-py asks for a name on the network, which a unix socket has not: this is what it would do with one.
            raw = socket.socket(socket.AF_UNIX)
            raw.settimeout(30)
            raw.connect(os.environ["DOCKER_HOST"].removeprefix("unix://"))
            return websocket.create_connection(f"ws://localhost/v1.44/containers/{name}/attach/ws?{query}", socket=raw, timeout=30)

        def said(connection, wanted):
            heard = b""
            while len(heard) < len(wanted):
                heard += connection.recv()
            self.assertEqual(heard, wanted)

        both = connect("stdin=1&stdout=1&stderr=1&stream=1")
        out = connect("stdout=1&stream=1")
        container.start()
        both.ping("are you there")
        both.send("typed\n")
        opcode, heard = both.recv_data(control_frame=True)
        self.assertEqual((opcode, heard), (websocket.ABNF.OPCODE_PONG, b"are you there"))
        opcode, heard = both.recv_data()
        self.assertEqual(opcode, websocket.ABNF.OPCODE_BINARY)
        said(both, b"got typed\nerr\n"[len(heard):])
        said(out, b"got typed\n")
        # One that goes away leaves the others and the container alone.
        out.close()
        both.send_binary(b"on\n")
        said(both, b"end\n")
        self.assertEqual(both.recv_data()[0], websocket.ABNF.OPCODE_CLOSE)
        self.assertEqual(container.wait()["StatusCode"], 3)
        logs = connect("stdout=1&stderr=1&logs=1")
        said(logs, b"got typed\nerr\nend\n")
        with self.assertRaises(websocket.WebSocketBadStatusException) as none:
            connect("stream=1", name="nosuch")
        self.assertEqual(none.exception.status_code, 404)

    def test_attach_to_what_was_said(self):
        container = self.run_in("echo said")
        container.wait()
        self.assertEqual(container.attach(logs=True, stream=False), b"said\n")

    def test_attach_streams(self):
        container = self.created("sh -c 'echo out; echo err >&2'")
        pieces = container.attach(stdout=True, stderr=True, stream=True, demux=True)
        container.start()
        pieces = list(pieces)
        self.assertEqual(b"".join(out for out, _ in pieces if out), b"out\n")
        self.assertEqual(b"".join(err for _, err in pieces if err), b"err\n")

    def test_exec(self):
        container = self.run_in("sleep 1000")
        done = container.exec_run(["sh", "-c", "echo $A in $(pwd); exit 5"], environment={"A": "here"}, workdir="/tmp")
        self.assertEqual((done.exit_code, done.output), (5, b"here in /tmp\n"))
        done = container.exec_run("sh -c 'echo out; echo err >&2'", demux=True)
        self.assertEqual(done.output, (b"out\n", b"err\n"))
        self.assertEqual(b"".join(container.exec_run("echo piece by piece", stream=True).output), b"piece by piece\n")
        container.exec_run("touch /detached", detach=True)
        self.assertTrue(until(lambda: container.exec_run("test -e /detached").exit_code == 0))

    def test_exec_with_a_terminal_in_frames_and_without(self):
        container = self.run_in("sleep 1000")
        for start in ({}, {"tty": True}):
            made = api.exec_create(container.id, "echo seen", tty=True)["Id"]
            self.assertEqual(api.exec_start(made, **start), b"seen\r\n")
            self.assertEqual(api.exec_inspect(made)["ExitCode"], 0)

    def test_exec_through_a_socket(self):
        container = self.run_in("sleep 1000")
        made = api.exec_create(container.id, "cat", stdin=True)["Id"]
        socket = api.exec_start(made, socket=True)
        raw = getattr(socket, "_sock", socket)
        raw.sendall(b"back\n")
        self.assertEqual(raw.recv(13, 256), b"\x01\0\0\0\0\0\0\x05back\n")
        self.assertTrue(api.exec_inspect(made)["Running"])
        socket.close()

    def test_exec_that_cannot_be(self):
        container = self.run_in("sleep 1000")
        self.assertIn(container.exec_run("nosuch").exit_code, (126, 127))
        container.kill()
        self.refused(409, "is not running", container.exec_run, "true")
        self.refused(404, "No such exec instance", api.exec_inspect, "0" * 64)

    def test_detach_keys(self):
        container = self.created("cat", stdin_open=True, tty=True, detach=True)
        container.start()
        socket = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1, "detachKeys": "ctrl-a,x"})
        raw = getattr(socket, "_sock", socket)
        raw.sendall(b"\x01x")
        raw.settimeout(30)
        while raw.recv(100):
            pass
        container.reload()
        self.assertEqual(container.status, "running")
        socket.close()

    def test_detach_keys_of_an_exec(self):
        container = self.run_in("sleep 1000")
        made = api.exec_create(container.id, "cat", stdin=True, tty=True, detach_keys="ctrl-x")["Id"]
        socket = api.exec_start(made, tty=True, socket=True)
        raw = getattr(socket, "_sock", socket)
        raw.sendall(b"\x18")
        raw.settimeout(30)
        while raw.recv(100):
            pass
        self.assertTrue(api.exec_inspect(made)["Running"])
        socket.close()

    def test_resize(self):
        container = self.run_in("sleep 1000", tty=True)
        container.resize(height=40, width=120)
        made = api.exec_create(container.id, "sleep 1", tty=True)["Id"]
        api.exec_start(made, detach=True)
        api.exec_resize(made, height=40, width=120)


class Files(Case):
    def test_archives_go_in_and_out(self):
        container = self.created("cat /tmp/file", volumes=["/data"])
        self.assertTrue(container.put_archive("/tmp", archive("file", b"content", 0o600)))
        pieces, stat = container.get_archive("/tmp/file")
        self.assertEqual((stat["name"], stat["size"]), ("file", 7))
        with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
            self.assertEqual(tar.extractfile("file").read(), b"content")
            self.assertEqual(tar.getmember("file").mode & 0o777, 0o600)
        self.assertTrue(container.put_archive("/data", archive("kept", b"x")))
        container.start()
        container.wait()
        self.assertEqual(container.logs(), b"content")
        self.refused(404, "Could not find the file /nosuch", container.get_archive, "/nosuch")
        self.refused(404, "Could not find the file /nosuch", container.put_archive, "/nosuch", archive("a", b""))
        self.refused(400, "extraction point is not a directory", container.put_archive, "/etc/passwd", archive("a", b""))

    def test_diff_and_export(self):
        container = self.run_in("sh -c 'echo x > /new; rm /etc/group'")
        container.wait()
        changes = {change["Path"]: change["Kind"] for change in container.diff()}
        self.assertEqual((changes["/new"], changes["/etc/group"], changes["/etc"]), (1, 2, 0))
        with tarfile.open(fileobj=io.BytesIO(b"".join(container.export()))) as tar:
            names = tar.getnames()
        self.assertIn("new", names)
        self.assertNotIn("etc/group", names)

    def test_volumes(self):
        volume = client.volumes.create("py-volume", labels={"a": "b"})
        self.addCleanup(lambda: client.volumes.get("py-volume").remove(force=True) if client.volumes.list(filters={"name": "py-volume"}) else None)
        self.assertEqual(volume.attrs["Labels"], {"a": "b"})
        client.containers.run(IMAGE, "sh -c 'echo kept > /v/file'", volumes={"py-volume": {"bind": "/v", "mode": "rw"}}, remove=True)
        mount = Mount(target="/v", source="py-volume", type="volume", read_only=True)
        self.assertEqual(client.containers.run(IMAGE, "cat /v/file", mounts=[mount], remove=True), b"kept\n")
        with self.assertRaises(ContainerError):
            client.containers.run(IMAGE, "touch /v/other", mounts=[mount], remove=True)
        self.assertEqual([v.name for v in client.volumes.list(filters={"label": "a=b"})], ["py-volume"])
        user = self.created(mounts=[mount])
        self.refused(409, "volume is in use", volume.remove)
        user.remove()
        volume.remove()
        self.refused(404, "no such volume", client.volumes.get, "py-volume")

    def test_volumes_from_and_tmpfs(self):
        first = self.created(volumes=["/shared"])
        command = ["sh", "-c", "mount | grep -c ' /shared '; mount | grep ' /t '"]
        said = client.containers.run(IMAGE, command, volumes_from=[first.id], tmpfs={"/t": "size=1m"}, remove=True).decode()
        self.assertTrue(said.startswith("1\ntmpfs on /t"), said)
        self.assertIn("size=1024k", said)

    def test_read_only(self):
        with self.assertRaises(ContainerError) as caught:
            client.containers.run(IMAGE, "touch /x", read_only=True, remove=True)
        self.assertIn(b"Read-only file system", caught.exception.stderr)


class Images(Case):
    def test_list_get_tag_and_remove(self):
        image = client.images.get(IMAGE)
        self.assertIn(IMAGE, image.tags)
        self.assertTrue(image.tag("py-tag", "one"))
        self.assertIn("py-tag:one", client.images.get(IMAGE).tags)
        self.assertEqual([i.id for i in client.images.list(name="py-tag")], [image.id])
        self.assertEqual([i.id for i in client.images.list(filters={"reference": "py-*"})], [image.id])
        self.assertEqual(api.remove_image("py-tag:one"), [{"Untagged": "py-tag:one"}])
        with self.assertRaises(ImageNotFound):
            client.images.get("py-tag:one")
        self.assertTrue(image.history())

    def test_save_load_import(self):
        client.images.get(IMAGE).tag("py-save", "1")
        data = b"".join(client.images.get("py-save:1").save(named="py-save:1"))
        client.images.remove("py-save:1")
        loaded = client.images.load(data)
        self.assertEqual([i.tags for i in loaded if "py-save:1" in i.tags] != [], True)
        client.images.remove("py-save:1")
        container = self.created()
        said = api.import_image_from_data(b"".join(container.export()), repository="py-import", tag="1")
        self.assertIn("sha256:", said)
        client.images.remove("py-import:1")

    def test_build(self):
        context = io.BytesIO(archive("Dockerfile", b"FROM busybox\nARG WHO=x\nRUN echo $WHO > /who\nLABEL a=b\nCMD cat /who\n"))
        image, log = client.images.build(fileobj=context, custom_context=True, tag="py-build", buildargs={"WHO": "class"}, rm=True)
        self.addCleanup(client.images.remove, "py-build", force=True)
        self.assertIn("Successfully tagged py-build:latest\n", [line.get("stream") for line in log])
        self.assertEqual(image.labels, {"a": "b"})
        self.assertEqual(client.containers.run("py-build", remove=True), b"class\n")
        with self.assertRaises(docker.errors.BuildError) as caught:
            client.images.build(fileobj=io.BytesIO(archive("Dockerfile", b"FROM busybox\nRUN exit 4\n")), custom_context=True)
        self.assertIn("returned a non-zero code: 4", str(caught.exception))

    def test_pull_and_search(self):
        image = client.images.pull("hello-world", tag="latest")
        self.assertIn("hello-world:latest", image.tags)
        self.assertIn(b"Hello", client.containers.run("hello-world", remove=True))
        self.assertIn("busybox", [found["name"] for found in client.images.search("busybox")])
        self.refused(404, "nosuchtag", client.images.pull, "busybox", tag="nosuchtag")

    def test_prune(self):
        self.assertIn("SpaceReclaimed", client.images.prune(filters={"dangling": True}))


    def test_build_with_a_cache_from(self):
        script = b"FROM busybox\nENV CACHE_FROM=py\nRUN touch /baz\nRUN touch /bax\n"

        def built(tag, **options):
            """How many steps were taken from the cache."""
            self.addCleanup(lambda: [api.remove_image(name, force=True) for name in client.images.list(filters={"reference": tag}) and [tag]])
            lines = list(api.build(fileobj=io.BytesIO(script), tag=tag, rm=True, decode=True, **options))
            self.assertFalse([line["error"] for line in lines if "error" in line])
            return sum("Using cache" in line.get("stream", "") for line in lines)

        built("py-from:1", nocache=True)
        self.assertEqual(built("py-from:2", cache_from=["py-from:1"]), 3)
        # Held to what is not there, and to what has no such step.
        self.assertEqual(built("py-from:3", cache_from=["py-nobody"]), 0)
        self.assertEqual(built("py-from:4", cache_from=["busybox"]), 0)
        # An image from elsewhere has no steps here but in its history.
        layers = client.images.get("py-from:1").attrs["RootFS"]["Layers"]
        saved = b"".join(client.images.get("py-from:1").save(named=True))
        for tag in ("py-from:1", "py-from:2"):
            api.remove_image(tag)
        client.images.load(saved)
        self.assertEqual(built("py-from:5", cache_from=["py-from:1"]), 3)
        self.assertEqual(client.images.get("py-from:5").attrs["RootFS"]["Layers"], layers)

class Networks(Case):
    def network(self, name, **options):
        network = client.networks.create(name, **options)
        self.addCleanup(lambda: [n.remove() for n in client.networks.list(ids=[network.id])])
        return network

    def setUp(self):
        if not client.networks.list(names=["bridge"]) or not NETWORKS:
            self.skipTest("this machine has no bridges for the engine")

    def test_create_list_and_remove(self):
        pool = IPAMPool(subnet="10.98.0.0/24", gateway="10.98.0.1")
        network = self.network("py-net", driver="bridge", labels={"a": "b"}, ipam=IPAMConfig(pool_configs=[pool]), internal=True)
        self.assertEqual(network.attrs["IPAM"]["Config"], [{"Subnet": "10.98.0.0/24", "Gateway": "10.98.0.1"}])
        self.assertTrue(network.attrs["Internal"])
        self.assertEqual([n.id for n in client.networks.list(filters={"label": "a=b"})], [network.id])
        self.refused(409, "already exists", client.networks.create, "py-net")
        network.remove()
        self.assertEqual(client.networks.list(names=["py-net"]), [])
        self.refused(404, "not found", client.networks.get, "py-net")

    def test_names_aliases_and_addresses(self):
        network = self.network("py-names", ipam=IPAMConfig(pool_configs=[IPAMPool(subnet="10.97.0.0/24")]))
        server = self.run_in("httpd -f -h /etc", name="py-server")
        network.connect(server, aliases=["web"], ipv4_address="10.97.0.77")
        client_ = self.run_in("sleep 1000", network="py-names")
        self.assertEqual(client_.exec_run("wget -qO- http://web/hostname").output.decode().strip(), server.id[:12])
        self.assertEqual(client_.exec_run("wget -qO- http://py-server/hostname").exit_code, 0)
        server.reload()
        self.assertEqual(server.attrs["NetworkSettings"]["Networks"]["py-names"]["IPAddress"], "10.97.0.77")
        network.reload()
        self.assertEqual({c.id for c in network.containers}, {server.id, client_.id})
        self.refused(403, "active endpoints", network.remove)
        network.disconnect(server)
        network.disconnect(client_)
        network.reload()
        self.assertEqual(network.containers, [])

    def test_created_on_several_networks(self):
        for name in ("py-a", "py-b"):
            self.network(name)
        # As compose creates: all networks at once.
        config = {"py-a": EndpointConfig("1.45", aliases=["one"]), "py-b": EndpointConfig("1.45", aliases=["two"])}
        made = api.create_container(
            IMAGE, "sleep 1000", networking_config=api.create_networking_config(config), host_config=api.create_host_config(network_mode="py-a")
        )
        self.addCleanup(self.remove, made["Id"])
        api.start(made["Id"])
        networks = api.inspect_container(made["Id"])["NetworkSettings"]["Networks"]
        self.assertEqual(sorted(networks), ["py-a", "py-b"])
        self.assertIn("two", networks["py-b"]["Aliases"])
        self.assertTrue(all(network["IPAddress"] for network in networks.values()))

    def test_ipv6(self):
        pool = IPAMConfig(pool_configs=[IPAMPool(subnet="fd00:97::/64"), IPAMPool(subnet="10.98.0.0/24")])
        network = self.network("py-six", enable_ipv6=True, ipam=pool)
        self.assertTrue(network.attrs["EnableIPv6"])
        self.assertEqual([c["Subnet"] for c in network.attrs["IPAM"]["Config"]], ["10.98.0.0/24", "fd00:97::/64"])
        self.refused(403, "overlaps", client.networks.create, "py-six-2", enable_ipv6=True, ipam=IPAMConfig(pool_configs=[IPAMPool(subnet="fd00:97::/32")]))
        if not NETWORKS:
            self.skipTest("no bridges on this machine")
        server = self.run_in("sleep 1000", name="py-six-server", network="py-six")
        # With an address of its own, and later with another one.
        asker = self.created("sleep 1000")
        client.networks.get("bridge").disconnect(asker)
        network.connect(asker, ipv6_address="fd00:97::77")
        asker.start()
        asker.reload()
        place = asker.attrs["NetworkSettings"]["Networks"]["py-six"]
        self.assertEqual((place["GlobalIPv6Address"], place["GlobalIPv6PrefixLen"], place["IPv6Gateway"]), ("fd00:97::77", 64, "fd00:97::1"))
        self.assertIn("inet6 fd00:97::2/64", server.exec_run("ip addr show eth0").output.decode())
        self.assertEqual(asker.exec_run("ping -c 1 -W 5 fd00:97::2").exit_code, 0)
        self.assertEqual(asker.exec_run("ping -c 1 -W 5 fd00:97::1").exit_code, 0)
        network.reload()
        self.assertEqual({c["IPv6Address"] for c in network.attrs["Containers"].values()}, {"fd00:97::2/64", "fd00:97::77/64"})
        # To a running one, too; and the address comes back.
        other = self.run_in("sleep 1000")
        network.connect(other)
        other.reload()
        self.assertEqual(other.attrs["NetworkSettings"]["Networks"]["py-six"]["GlobalIPv6Address"], "fd00:97::3")
        self.assertEqual(other.exec_run("ping -c 1 -W 5 fd00:97::77").exit_code, 0)
        network.disconnect(other)
        network.connect(other)
        other.reload()
        self.assertEqual(other.attrs["NetworkSettings"]["Networks"]["py-six"]["GlobalIPv6Address"], "fd00:97::3")

    def test_ports(self):
        container = self.run_in("httpd -f -p 80 -h /etc", ports={"80/tcp": ("127.0.0.1", None)})
        container.reload()
        bound = container.ports["80/tcp"][0]
        self.assertEqual(bound["HostIp"], "127.0.0.1")
        self.assertEqual(api.port(container.id, 80)[0]["HostPort"], bound["HostPort"])

    def test_prune(self):
        self.network("py-prune", labels={"prune": "net"})
        self.assertEqual(client.networks.prune(filters={"label": "prune=net"})["NetworksDeleted"], ["py-prune"])


class System(Case):
    def test_version_info_and_ping(self):
        self.assertTrue(client.ping())
        version = client.version()
        self.assertEqual((version["ApiVersion"], version["MinAPIVersion"]), ("1.45", "1.24"))
        info = client.info()
        for key in ("Containers", "Images", "Driver", "NCPU", "MemTotal", "Swarm", "Plugins"):
            self.assertIn(key, info)
        self.assertIn("LayersSize", client.df())

    def test_old_and_too_new_versions(self):
        old = docker.APIClient(version="1.24", base_url=api.base_url.replace("http+docker://localhost", DOCKER_HOST))
        self.assertIsInstance(old.containers(), list)
        new = docker.APIClient(version="1.99", base_url=DOCKER_HOST)
        self.refused(400, "is too new", new.containers)

    def test_events(self):
        since = int(time.time())
        container = self.run_in("true", labels={"events": "py"})
        container.wait()
        until(lambda: (container.reload(), container.status == "exited")[1])
        events = list(client.events(since=since, until=int(time.time()) + 1, filters={"container": container.id}, decode=True))
        actions = [event["Action"] for event in events if event["Type"] == "container"]
        self.assertEqual([a for a in actions if a in ("create", "start", "die")], ["create", "start", "die"])
        self.assertEqual(events[0]["Actor"]["Attributes"]["events"], "py")

    def test_swarm_is_not_here(self):
        self.refused(503, "This node is not a swarm manager", client.services.list)

    def test_errors(self):
        self.refused(404, "No such container: nosuch", client.containers.get, "nosuch")
        self.refused(404, "No such image: nosuch:latest", client.images.get, "nosuch")
        self.refused(400, "invalid filter", client.containers.list, filters={"nonsense": "x"})


DOCKER_HOST = __import__("os").environ["DOCKER_HOST"]
# What an ordinary user without subordinate ids cannot have, and what a machine may lack.
IDS = client.containers.run(IMAGE, "cat /proc/self/uid_map", remove=True).split()[-1] != b"1"
NETWORKS = b"eth0" in client.containers.run(IMAGE, "ip addr", remove=True)

if __name__ == "__main__":
    unittest.main(verbosity=1, warnings="ignore")
