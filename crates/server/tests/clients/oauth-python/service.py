"""PyJWT: a service that takes tokens and verifies them by the remote key set, which it caches."""

import json
import os
import sys
import threading
import urllib.parse
import urllib.request

import jwt

issuer, client_id = os.environ["ISSUER"], os.environ["CLIENT_ID"]
keys = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json", cache_jwk_set=True, lifespan=3)
form = urllib.parse.urlencode(
    {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": os.environ["CLIENT_SECRET"],
    }
).encode()
seen = {"tokens": 0, "kids": {}, "failures": []}
first = None


def attempt():
    global first
    with urllib.request.urlopen(f"{issuer}/oauth/token", data=form) as answer:
        token = json.load(answer)["access_token"]
    first = first or token
    for one in (token, first):
        key = keys.get_signing_key_from_jwt(one)
        claims = jwt.decode(
            one,
            key,
            algorithms=["RS256", "ES256", "EdDSA"],
            issuer=issuer,
            audience=issuer,
            options={"require": ["exp", "iat", "sub", "jti"]},
        )
        assert claims["sub"] == client_id, claims
        kid = jwt.get_unverified_header(one)["kid"]
        seen["kids"][kid] = seen["kids"].get(kid, 0) + 1
    seen["tokens"] += 1


stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
attempt()
print(json.dumps({"ready": True}), flush=True)
while not stop.is_set():
    try:
        attempt()
    except Exception as error:
        seen["failures"].append(repr(error))
print(json.dumps(seen), flush=True)
