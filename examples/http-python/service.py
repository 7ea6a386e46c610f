#!/usr/bin/env python3
"""A service that keeps up with Tenantry's tenants over HTTP, with Python's standard library alone.

    service.py create SUBDOMAIN     make a tenant, and print it with its client's credentials
    service.py follow               keep a copy of all tenants up to date, for ever
    service.py follow --once        the same until nothing is left to read
    service.py receive              take webhook deliveries, and print each that is genuine

It needs TENANTRY_URL, TENANTRY_CLIENT_ID and TENANTRY_CLIENT_SECRET in its environment: those of a
management client with the scopes environments:read, tenants:write, events:read and webhooks:write.
What it has to remember stands in one SQLite file (--state). examples/README.md says how to try it.
"""

import argparse
import base64
import hmac
import http.server
import json
import os
import sqlite3
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

# A delivery that was signed longer ago, or later than now, by so many seconds is not taken: whoever has
# recorded one could send it again.
TOLERANCE = 300


class Refused(Exception):
    """The server has answered, and the answer is no."""

    def __init__(self, status, answer):
        super().__init__(f"{status}: {answer}")
        self.status = status


class Tenantry:
    """The management API."""

    def __init__(self, url, client_id, client_secret):
        self.url = url.rstrip("/")
        self.credentials = (client_id, client_secret)
        self.token, self.renew_at = None, 0.0

    def bearer(self):
        """An access token, asked for once and kept until shortly before it ends (RFC 6749, 4.4)."""
        if time.monotonic() >= self.renew_at:
            # RFC 6749, 2.3.1: both are form-encoded before they are put into the header.
            user, password = (urllib.parse.quote_plus(text) for text in self.credentials)
            basic = base64.b64encode(f"{user}:{password}".encode()).decode()
            form = urllib.parse.urlencode({"grant_type": "client_credentials"}).encode()
            request = urllib.request.Request(
                self.url + "/oauth/token", form, {"Authorization": f"Basic {basic}"}
            )
            with urllib.request.urlopen(request, timeout=10) as answer:
                granted = json.load(answer)
            self.token = granted["access_token"]
            self.renew_at = time.monotonic() + granted["expires_in"] * 0.9
        return self.token

    def call(self, method, path, body=None, timeout=10):
        """One operation: what it answers, as JSON. It is tried again where that can help."""
        headers = {"Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        if method == "POST":
            # The same key at every attempt: whatever has become of the attempts before, it is done once,
            # and the first answer comes again, secrets included.
            headers["Idempotency-Key"] = str(uuid.uuid4())
        for attempt in range(6):
            try:
                headers["Authorization"] = f"Bearer {self.bearer()}"
                request = urllib.request.Request(
                    self.url + path, data, headers, method=method
                )
                with urllib.request.urlopen(request, timeout=timeout) as answer:
                    text = answer.read()
                return json.loads(text) if text else None
            except urllib.error.HTTPError as error:
                refused = Refused(error.code, error.read().decode(errors="replace"))
                if error.code == 401 and attempt == 0:
                    self.renew_at = 0.0  # The token was revoked, or is for another server by now.
                    continue
                if error.code not in (409, 429, 503) or "Retry-After" not in error.headers:
                    raise refused from None
                wait = float(error.headers["Retry-After"])
            except OSError as error:  # No connection, or it was lost.
                refused, wait = error, 2.0**attempt / 4
            time.sleep(min(wait, 30.0))
        raise refused


class State:
    """What is remembered: the tenants, how far the feed was read, and the webhook."""

    def __init__(self, path):
        self.db = sqlite3.connect(path)
        with self.db:
            self.db.execute(
                "CREATE TABLE IF NOT EXISTS tenants (id TEXT PRIMARY KEY, host TEXT NOT NULL,"
                " name TEXT NOT NULL, status TEXT NOT NULL, version INTEGER NOT NULL)"
            )
            self.db.execute(
                "CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
            )
            self.db.execute(
                "CREATE TABLE IF NOT EXISTS seen (delivery TEXT PRIMARY KEY, at REAL NOT NULL)"
            )

    def note(self, name):
        row = self.db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return row and row[0]

    def set_note(self, name, value):
        self.db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))

    def apply(self, changes, place):
        """Takes in a page of changes. The tenants and the place are stored in one transaction, so each
        change takes effect exactly once, wherever this program is killed."""
        with self.db:
            for change in changes:
                self.apply_one(change)
            self.set_note("place", str(place))

    def apply_one(self, change):
        # Types that are not known here are passed over; there may be more of them at any time.
        if not change["type"].startswith("tenant."):
            return
        for gone in (change.get("previousTenantId"), change["tenantId"]):
            self.db.execute("DELETE FROM tenants WHERE id = ?", (gone,))
        if change["type"] != "tenant.deleted":
            tenant = change["subject"]
            self.db.execute(
                "INSERT INTO tenants VALUES (?, ?, ?, ?, ?)",
                tuple(tenant[key] for key in ("id", "subdomain", "name", "status", "version")),
            )

    def is_new(self, delivery):
        """Whether a delivery was not seen before: one comes at least once, so it may come again."""
        now = time.time()
        # The server forgets a delivery after a week, if its operator has not chosen otherwise.
        self.db.execute("DELETE FROM seen WHERE at < ?", (now - 30 * 86400,))
        added = self.db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (delivery, now))
        return added.rowcount == 1


def tell(what):
    print(json.dumps(what), flush=True)


def create(api, subdomain):
    environment = api.call("GET", "/v1/environments")["data"][0]
    body = {"subdomain": subdomain, "environmentId": environment["id"]}
    tell(api.call("POST", "/v1/tenants", body))


def follow(api, state, once):
    """Reads the feed from where it was left. A restart, a lost connection or a server that is away for an
    hour leave no gap: the server keeps the changes, this program keeps the place."""
    while True:
        place = int(state.note("place") or 0)
        wait = 0 if once else 30  # The server holds its answer until there is something to tell.
        query = f"/v1/changes?after={place}&limit=1000&wait={wait}"
        try:
            page = api.call("GET", query, timeout=wait + 10)
        except OSError as error:
            if once:
                raise
            print(f"waiting: {error}", file=sys.stderr)
            continue
        state.apply(page["data"], page["next"])
        for change in page["data"]:
            tell({"sequence": change["sequence"], "type": change["type"]})
        if once and page["next"] == place:
            return


def is_genuine(secret, headers, body, now):
    """Whether a delivery was signed with the webhook's secret (Standard Webhooks): HMAC-SHA-256 over id,
    time and body. The body is compared as it came, byte for byte: read it as JSON afterwards."""
    delivery = headers.get("webhook-id", "")
    stamp = headers.get("webhook-timestamp", "")
    if not stamp.isdecimal() or abs(now - int(stamp)) > TOLERANCE:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{delivery}.{stamp}.".encode() + body
    wanted = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    # While secrets are rotated there are several signatures, and one that fits is enough.
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(f"v1,{wanted}".encode(), one.encode()) for one in given)


def receive(api, state, listen, url):
    class Receiver(http.server.BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self):
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > 1024 * 1024:
                return self.answer(400)
            body = self.rfile.read(int(length))
            if not is_genuine(state.note("secret"), self.headers, body, time.time()):
                return self.answer(401)
            # What is done, and that it was done, are stored in one transaction. What takes longer than a
            # moment is only put down there, and done after the answer.
            with state.db:
                if state.is_new(self.headers["webhook-id"]):
                    change = json.loads(body)["data"]
                    tell({"sequence": change["sequence"], "type": change["type"]})
            return self.answer(204)

        def answer(self, status):
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    host, port = listen.rsplit(":", 1)
    server = http.server.HTTPServer((host, int(port)), Receiver)
    if state.note("secret") is None:
        # The only answer with the secret: it is stored before anything else is done. A rotation
        # (POST /v1/webhooks/{id}/secrets) would come here as well.
        url = url or f"http://{host}:{server.server_port}/tenantry"
        webhook = api.call("POST", "/v1/webhooks", {"url": url})
        with state.db:
            state.set_note("secret", webhook["secret"])
    tell({"listening": f"http://{host}:{server.server_port}"})
    server.serve_forever()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--state", default="service-state.db", help="the file that remembers")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("create").add_argument("subdomain")
    commands.add_parser("follow").add_argument("--once", action="store_true")
    receiver = commands.add_parser("receive")
    receiver.add_argument("--listen", default="127.0.0.1:8070")
    receiver.add_argument("--url", help="where the server reaches this one; default: where it listens")
    arguments = parser.parse_args()
    try:
        api = Tenantry(
            *(os.environ[f"TENANTRY_{name}"] for name in ("URL", "CLIENT_ID", "CLIENT_SECRET"))
        )
    except KeyError as missing:
        parser.error(f"{missing.args[0]} is not set")
    try:
        if arguments.command == "create":
            create(api, arguments.subdomain)
        elif arguments.command == "follow":
            follow(api, State(arguments.state), arguments.once)
        else:
            receive(api, State(arguments.state), arguments.listen, arguments.url)
    except (Refused, OSError) as error:
        sys.exit(f"service.py: {error}")
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
