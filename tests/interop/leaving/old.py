"""Signs as the vendor's sample in Python: old.py URL"""
import base64
import datetime
import hashlib
import hmac
import os
import sys

import requests

GMT_FORMAT = "%a, %d %b %Y %H:%M:%S GMT"


def get_simple_sign(source, secret_id, secret_key):
    date_time = datetime.datetime.now(datetime.timezone.utc).strftime(GMT_FORMAT)
    auth = 'hmac id="' + secret_id + '", algorithm="hmac-sha1", headers="date source", signature="'
    sign_str = "date: " + date_time + "\n" + "source: " + source
    sign = hmac.new(secret_key.encode(), sign_str.encode(), hashlib.sha1).digest()
    return auth + base64.b64encode(sign).decode() + '"', date_time


sign, date_time = get_simple_sign("xxxxxx", os.environ["SECRET_ID"], os.environ["SECRET_KEY"])
header = {"Accept": "text/html, */*; q=0.01", "Source": "xxxxxx", "Date": date_time, "Authorization": sign}
session = requests.Session()
session.trust_env = False
answer = session.get(sys.argv[1], headers=header, timeout=10)
print(answer.status_code, answer.text)
