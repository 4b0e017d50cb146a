# SPDX-License-Identifier: ISC
"""Chromium without a screen, by its pipe: pages as a person sees them."""
import base64
import json
import os
import select
import shutil
import subprocess
import time

BINARY = shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """.look(url, width): {"wide": width of the document, "text": ..., "errors": [...]}"""

    def __init__(self, folder):
        to_it, self.write_fd = os.pipe()
        self.read_fd, from_it = os.pipe()
        self.next_id, self.seen, self.rest = 0, [], b""
        # Its end of the pipe is 3 and 4.
        self.process = subprocess.Popen(
            ["bash", "-c", 'exec "$@" 3<&%d 4>&%d' % (to_it, from_it), "bash", BINARY,
             "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--disable-background-networking", "--hide-scrollbars",
             "--user-data-dir=%s" % os.path.join(str(folder), "chromium"),
             "--remote-debugging-pipe", "about:blank"],
            pass_fds=(to_it, from_it), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_it)
        os.close(from_it)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Network"):
            self.tell(domain + ".enable")

    def read(self, end):
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.read_fd], [], [], max(0, end - time.monotonic()))
            assert ready, "Chromium does not answer"
            got = os.read(self.read_fd, 1 << 20)
            assert got, "Chromium is gone"
            self.rest += got
        one, _, self.rest = self.rest.partition(b"\0")
        return json.loads(one)

    def call(self, method, session=None, **params):
        self.next_id += 1
        message = {"id": self.next_id, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.write_fd, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + 60
        while True:
            got = self.read(end)
            if got.get("id") == self.next_id:
                assert "error" not in got, got
                return got["result"]
            self.seen.append(got)

    def tell(self, method, **params):
        return self.call(method, self.session, **params)

    def value(self, expression):
        return self.tell("Runtime.evaluate", expression=expression,
                         returnByValue=True)["result"].get("value")

    def look(self, url, width, picture=None, is_whole=False):
        self.seen = []
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=844,
                  deviceScaleFactor=1, mobile=width < 800)
        assert "errorText" not in self.tell("Page.navigate", url=url)
        end = time.monotonic() + 60
        while not any(x.get("method") == "Page.loadEventFired" for x in self.seen):
            self.seen.append(self.read(end))
        found = {"wide": self.value("document.documentElement.scrollWidth"),
                 "visible": self.value("window.innerWidth"),
                 "text": self.value("document.body.innerText"),
                 "scripts": self.value("document.scripts.length")}
        if picture:
            shot = self.tell("Page.captureScreenshot", captureBeyondViewport=is_whole)
            with open(picture, "wb") as f:
                f.write(base64.b64decode(shot["data"]))
        # A favicon that is not there is none of ours.
        found["errors"] = [x["params"]["entry"]["text"] for x in self.seen
                           if x.get("method") == "Log.entryAdded"]
        found["loaded"] = [x["params"]["request"]["url"] for x in self.seen
                           if x.get("method") == "Network.requestWillBeSent"]
        return found

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.write_fd)
        os.close(self.read_fd)
