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
AUTHORITY = "198.51.100.55"  # of all names: those of local-data would pass by the resolver's RPZ
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


def unbound(world):
    """Recursive for all of the lab. An RPZ in folder/rpz.zone is honoured after a reload."""
    (world.folder / "rpz.zone").write_text("$TTL 60\n@ SOA localhost. root.localhost. 1 60 60 60 60\n@ NS localhost.\n")
    text = UNBOUND.format(
        resolver=RESOLVER, folder=world.folder,
        forwards="\n".join(f'forward-zone:\n  name: "{zone}"\n  forward-addr: {to}'
                           for zone, to in ((".", AUTHORITY), *((zone, TUNNEL_SINK) for zone in TUNNEL_ZONES))))
    (world.folder / "unbound.conf").write_text(text)
    return world.start(INTERNET, "unbound", "-c", world.folder / "unbound.conf")


def reload_words(world):
    """What makes the resolver read its RPZ again; works from every namespace, as its socket is a file."""
    return f"unbound-control -c {world.folder}/unbound.conf auth_zone_reload rpz.lab"


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


def dns_answer(query, names):
    """Of a name: its address, or that it does not exist. names None, a tunnel's end: a TXT record of 64 bytes, or an
    address, for whatever is asked."""
    labels, end = [], 12
    while end < len(query) and query[end] != 0:
        labels.append(query[end + 1:end + 1 + query[end]].decode("ascii", "replace").lower())
        end += query[end] + 1
    end += 5
    if end > len(query):
        return None
    kind = struct.unpack(">H", query[end - 4:end - 2])[0]
    address = "198.19.1.9" if names is None else names.get(".".join(labels))
    data = b""
    if kind == 1 and address:
        data = socket.inet_aton(address)
    elif kind == 16 and names is None:
        data = b"\x40" + os.urandom(32).hex().encode()
    record = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 1 if names is None else 60, len(data)) + data if data else b""
    return query[:2] + struct.pack(">HHHHH", 0x8580 if address else 0x8583, 1, bool(data), 0, 0) + query[12:end] + record


def bound(address, port):
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.setsockopt(socket.SOL_IP, 8, 1)  # IP_PKTINFO: the answer comes from where the question went
    link.bind((address, port))
    return link


def echoes(names):
    """Runs until it is ended: the names' authority, the tunnels' end, and what comes over TCP or UDP goes back."""
    zones = {bound(AUTHORITY, 53): names, bound(TUNNEL_SINK, 53): None}
    listeners = [socket.create_server(("", port), backlog=64) for port in ECHO_PORTS if port != 443]  # nginx has that
    datagrams, streams = [bound("", port) for port in ECHO_PORTS], []
    while True:
        for ready in select.select([*zones, *listeners, *datagrams, *streams], [], [])[0]:
            if ready in listeners:
                streams.append(ready.accept()[0])
            elif ready in zones:
                query, peer = ready.recvfrom(4096)
                if (answer := dns_answer(query, zones[ready])) is not None:
                    ready.sendto(answer, peer)
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
    running = [unbound(world), nginx(world), chrony(world)]
    world.spawn(INTERNET, lambda: echoes(names))
    waiting = world.spawn(INTERNET, reachable)
    if os.waitstatus_to_exitcode(os.waitpid(waiting, 0)[1]) != 0:
        raise RuntimeError(f"the lab's services do not answer; their words are in {world.folder}")
    world.children.remove(waiting)
    return [process for process in running if process is not None]
