# SPDX-License-Identifier: Apache-2.0
"""What answers on the lab's Internet: Unbound, nginx with HTTP and HTTPS on every address, an end for DNS tunnels,
chrony where it is installed, and bytes that come back over TCP and UDP."""
import os
import select
import shutil
import socket
import struct
import subprocess
import time

from world import INTERNET, RESOLVER

TUNNEL_SINK = "198.51.100.54"
TUNNEL_ZONES = ["t.cover.example", "t.relay.example"]
TIME_SERVERS = ["198.51.100.123", "198.51.100.124"]
ECHO_PORTS = [21, 443, 4444, 5222, 6000, 8443]

UNBOUND = """server:
  module-config: "respip iterator"
  interface: {resolver}
  access-control: 0.0.0.0/0 allow
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  use-syslog: no
  do-ip6: no
  local-zone: "." static
{zones}
{names}
remote-control:
  control-enable: yes
  control-interface: "{folder}/unbound.sock"
  control-use-cert: no
{forwards}
rpz:
  name: "rpz.lab"
  zonefile: "{folder}/rpz.zone"
"""
NGINX = """daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log;
user root;
events {{ worker_connections 512; }}
http {{
  access_log off; client_max_body_size 8m; client_body_temp_path {folder}/body; keepalive_timeout 5;
  proxy_temp_path {folder}/p1; fastcgi_temp_path {folder}/p2; uwsgi_temp_path {folder}/p3; scgi_temp_path {folder}/p4;
  server {{
    listen 0.0.0.0:80; listen 0.0.0.0:8080; listen 0.0.0.0:443 ssl; listen 0.0.0.0:449 ssl;
    ssl_certificate {folder}/lab.crt; ssl_certificate_key {folder}/lab.key;
    root {folder}/www;
    location /c {{ return 200 "0123456789abcdef"; }}
    location /up {{ client_body_in_file_only clean; proxy_pass http://127.0.0.1:8079; }}
    location / {{ try_files $uri /1k; }}
  }}
  server {{ listen 127.0.0.1:8079; location / {{ return 200 "kept"; }} }}
}}
"""


def unbound(world, names):
    """names: name -> address. Others do not exist. An RPZ in folder/rpz.zone is honoured after a reload."""
    (world.folder / "rpz.zone").write_text("$TTL 60\n@ SOA localhost. root.localhost. 1 60 60 60 60\n@ NS localhost.\n")
    text = UNBOUND.format(
        resolver=RESOLVER, folder=world.folder,
        zones="\n".join(f'  local-zone: "{zone}" transparent' for zone in TUNNEL_ZONES),
        names="\n".join(f'  local-data: "{name}. 60 IN A {address}"' for name, address in names.items()),
        forwards="\n".join(f'forward-zone:\n  name: "{zone}"\n  forward-addr: {TUNNEL_SINK}' for zone in TUNNEL_ZONES))
    (world.folder / "unbound.conf").write_text(text)
    return world.start(INTERNET, "unbound", "-c", world.folder / "unbound.conf")


def nginx(world):
    certificate = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                   "-subj", "/CN=lab.example", "-keyout", world.folder / "lab.key", "-out", world.folder / "lab.crt"]
    subprocess.run(certificate, check=True, capture_output=True)
    www = world.folder / "www"
    www.mkdir()
    for name, size in (("1k", 1000), ("20k", 20_000), ("200k", 200_000)):
        (www / name).write_bytes(os.urandom(size))
    for folder in (world.folder, www):
        folder.chmod(0o755)
    (world.folder / "nginx.conf").write_text(NGINX.format(folder=world.folder))
    return world.start(INTERNET, "nginx", "-c", world.folder / "nginx.conf")


def chrony(world):
    """Two servers of an invented time; -x: no clock is touched. None where chrony is not installed."""
    if shutil.which("chronyd") is None:
        return None
    text = "local stratum 5\nallow all\ncmdport 0\nport 123\n"
    (world.folder / "chrony-server.conf").write_text(text)
    return world.start(INTERNET, "chronyd", "-x", "-d", "-u", "root", "-f", world.folder / "chrony-server.conf")


def dns_answer(query):
    """The end of a tunnel: a TXT record of 64 bytes, or an address, for whatever is asked."""
    end = 12
    while end < len(query) and query[end] != 0:
        end += query[end] + 1
    end += 5
    if end > len(query) or len(query) < 17:
        return None
    kind = struct.unpack(">H", query[end - 4:end - 2])[0]
    data = b"\x40" + os.urandom(32).hex().encode() if kind == 16 else bytes([203, 0, 113, 1])
    count = int(kind in (1, 16))
    record = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 1, len(data)) + data if count else b""
    return query[:2] + struct.pack(">HHHHH", 0x8580, 1, count, 0, 0) + query[12:end] + record


def echoes():
    """Runs until it is ended: DNS at the tunnel's end, and what comes over TCP or UDP goes back."""
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.bind((TUNNEL_SINK, 53))
    listeners, datagrams, streams = [], [sink], []
    for port in ECHO_PORTS:
        if port != 443:  # nginx has it
            listeners.append(socket.create_server(("", port), backlog=64))
        datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagram.setsockopt(socket.SOL_IP, 8, 1)  # IP_PKTINFO: the answer comes from where the question went
        datagram.bind(("", port))
        datagrams.append(datagram)
    while True:
        for ready in select.select(listeners + datagrams + streams, [], [])[0]:
            if ready in listeners:
                streams.append(ready.accept()[0])
            elif ready is sink:
                query, peer = sink.recvfrom(4096)
                if (answer := dns_answer(query)) is not None:
                    sink.sendto(answer, peer)
            elif ready in datagrams:
                data, ancillary, _, peer = ready.recvmsg(4096, 64)
                info = [(level, kind, b"\0\0\0\0" + bits[4:8] + b"\0\0\0\0") for level, kind, bits in ancillary]
                ready.sendmsg([data], info, 0, peer)
            else:
                echo(ready, streams)


def echo(stream, streams):
    try:
        data = stream.recv(65536)
        if data:
            stream.sendall(data)
            return
    except OSError:
        pass
    streams.remove(stream)
    stream.close()


def reachable():
    """Waits until the resolver and the web server answer."""
    end = time.monotonic() + 20
    while True:
        try:
            for port in (53, 80):
                socket.create_connection((RESOLVER, port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def start_all(world, names):
    running = [unbound(world, names), nginx(world), chrony(world)]
    world.spawn(INTERNET, echoes)
    waiting = world.spawn(INTERNET, reachable)
    if os.waitstatus_to_exitcode(os.waitpid(waiting, 0)[1]) != 0:
        raise RuntimeError(f"the lab's services do not answer; their words are in {world.folder}")
    world.children.remove(waiting)
    return [process for process in running if process is not None]
