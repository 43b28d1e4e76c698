# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 heads and bodies of a stated size. Bodies are seeded noise."""

REASONS = {200: "OK", 204: "No Content", 301: "Moved Permanently", 302: "Found", 400: "Bad Request",
           401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 407: "Proxy Authentication Required",
           410: "Gone", 429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway",
           503: "Service Unavailable", 504: "Gateway Timeout"}
AGENTS = {
    "windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
               "Chrome/120.0.0.0 Safari/537.36",
    "linux": "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0",
    "macos": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
             "Version/17.2 Safari/605.1.15",
    "ios": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
           "Version/17.2 Mobile/15E148 Safari/604.1",
}


def request(method, target, host, agent, body):
    head = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n"
    if agent:
        head += f"User-Agent: {agent}\r\n"
    head += "Accept: */*\r\n"
    if method in ("POST", "PUT"):
        head += f"Content-Type: application/octet-stream\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + (body if method in ("POST", "PUT") else b"")


def connect(host, agent):
    head = f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n" + (f"User-Agent: {agent}\r\n" if agent else "")
    return head.encode() + b"Proxy-Connection: keep-alive\r\n\r\n"


def response(status, body):
    reason = REASONS.get(status, "Status")
    if status in (204, 304) or status < 200:
        return f"HTTP/1.1 {status} {reason}\r\nServer: nginx\r\n\r\n".encode()
    head = f"HTTP/1.1 {status} {reason}\r\nServer: nginx\r\nContent-Type: application/octet-stream\r\n"
    return head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
