"""What the doubles of Google's services share: an HTTP server that says errors as Google does.

A double reads bodies into Google's own protobuf types, so whatever Google would not read is refused here too. Below
`/control/` a test arranges things and asks what happened: `faults` makes the next requests fail, `requests` is all that
came in. Everything listens on the loopback interface only.
"""

import json
import re
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from google.protobuf import json_format

# Google's canonical codes and the HTTP statuses that stand for them (google/rpc/code.proto).
STATUSES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
}

# Parameters that every Google API takes.
SYSTEM_PARAMETERS = {"alt", "$alt", "prettyPrint", "quotaUser"}


class Refusal(Exception):
    """An error that the service answers."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Answer:
    """An answer that is not simply JSON with status 200."""

    def __init__(self, body, status=200, content_type="application/json; charset=UTF-8", headers=None):
        self.body = body
        self.status = status
        self.content_type = content_type
        self.headers = headers or {}


class Request:
    """What a caller sent."""

    def __init__(self, method, target, headers, body):
        parts = urlsplit(target)
        self.method = method
        self.path = parts.path
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.headers = headers
        self.body = body

    def message(self, message):
        """The body as this protobuf message, and nothing that the message does not have."""
        if "application/json" not in self.headers.get("content-type", ""):
            raise Refusal("INVALID_ARGUMENT", "the content type of a body is application/json")
        unknown = set(self.query) - SYSTEM_PARAMETERS
        if unknown:
            raise Refusal("INVALID_ARGUMENT", f"unknown query parameters: {sorted(unknown)}")
        try:
            return json_format.Parse(self.body, message)
        except (json_format.ParseError, UnicodeDecodeError) as error:
            raise Refusal("INVALID_ARGUMENT", f"Invalid JSON payload received. {error}") from None

    def json(self):
        """The body of a request of the test's own."""
        return json.loads(self.body or b"{}")


def to_json(message):
    """A protobuf message as Google's services write it."""
    return json_format.MessageToDict(message)


class Double:
    """Routes, faults and the record of one process."""

    def __init__(self):
        self.routes = []
        self.faults = []
        self.requests = []
        self.lock = threading.Lock()
        self.route("POST", "/control/faults", self.add_fault)
        self.route("GET", "/control/requests", lambda _: self.requests)

    def route(self, method, pattern, handler):
        """Has `handler` answer what matches, with the pattern's groups as arguments."""
        self.routes.append((method, re.compile(pattern), handler))

    def add_fault(self, request):
        """The next `times` requests whose path matches `path` are delayed, answered with `status`, or cut off."""
        fault = {"path": ".*", "times": 1, "status": None, "retry_after": None, "delay": 0, "cut": False}
        self.faults.append(fault | request.json())
        return {}

    def fault(self, request):
        with self.lock:
            for fault in self.faults:
                if fault["times"] > 0 and re.search(fault["path"], request.path):
                    fault["times"] -= 1
                    return fault
        return None

    def answer(self, request):
        """What the service says, or nothing where the connection is to be cut."""
        if not request.path.startswith("/control/"):
            fault = self.fault(request)
            if fault:
                time.sleep(fault["delay"])
                if fault["cut"]:
                    return None
                if fault["status"]:
                    headers = {"Retry-After": fault["retry_after"]} if fault["retry_after"] else {}
                    return refusal(fault["status"], "UNAVAILABLE", "a fault that the test asked for", headers)
        for method, pattern, handler in self.routes:
            match = pattern.fullmatch(request.path)
            if match and method == request.method:
                try:
                    answer = handler(request, *match.groups())
                except Refusal as error:
                    return refusal(STATUSES[error.status], error.status, str(error))
                return answer if isinstance(answer, Answer) else Answer(json.dumps(answer))
        return refusal(404, "NOT_FOUND", f"there is no {request.method} {request.path}")

    def record(self, request, answer):
        if request.path.startswith("/control/"):
            return
        entry = {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": request.body.decode(errors="replace"),
            "status": answer.status if answer else None,
        }
        with self.lock:
            self.requests.append(entry)

    def serve(self):
        """Prints the address, and answers until the process is ended."""
        handler = type("Handler", (Handler,), {"double": self})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


def refusal(code, status, message, headers=None):
    error = {"error": {"code": code, "message": message, "status": status}}
    return Answer(json.dumps(error), status=code, headers=headers)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    # A body and the head before it are two writes; they must not wait for each other.
    disable_nagle_algorithm = True
    double = None

    def respond(self):
        length = int(self.headers.get("content-length") or 0)
        request = Request(self.command, self.path, self.headers, self.rfile.read(length))
        try:
            answer = self.double.answer(request)
        except Exception:
            traceback.print_exc()
            answer = refusal(500, "INTERNAL", "the double has a fault; its standard error says which")
        self.double.record(request, answer)
        if answer is None:
            self.close_connection = True
            return
        body = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = respond

    def log_message(self, format, *arguments):
        print(format % arguments, file=sys.stderr, flush=True)
