#!/usr/bin/env python3
"""Signs as the market's older samples do, for Tencent Cloud API Gateway, and checks the answers.

    HMAC_KEY_ID=… HMAC_SECRET_KEY=… older.py http://127.0.0.1:8080
"""

import base64
import email.utils
import hmac
import os
import sys

import requests

key_id, secret_key = os.environ["HMAC_KEY_ID"], os.environ["HMAC_SECRET_KEY"]
session = requests.Session()
# Otherwise requests replaces Authorization with an entry of ~/.netrc, and uses the environment's
# proxy.
session.trust_env = False


def check(case, status, secret):
    date = email.utils.formatdate(usegmt=True)
    string = f"x-date: {date}\nx-source: market"
    signature = base64.b64encode(hmac.digest(secret.encode(), string.encode(), "sha1")).decode()
    headers = {
        "X-Source": "market", "X-Date": date,
        "Authorization": f'hmac id="{key_id}", algorithm="hmac-sha1", headers="x-date x-source", signature="{signature}"'}
    answer = session.get(sys.argv[1] + "/service-1/a?x=1", headers=headers, timeout=10)
    if answer.status_code != status:
        sys.exit(f"not ok python tencent {case}: wanted {status}, got {answer.status_code} {answer.text}")
    print(f"ok python tencent {case}")


check("X-Source: market", 200, secret_key)
check("X-Source: market, with another key", 401, secret_key + "x")
