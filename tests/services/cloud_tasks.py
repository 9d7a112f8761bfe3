"""Cloud Tasks v2: creates tasks and has an emulator carry them out.

The emulator is `gcloud-tasks-emulator`, spoken to with Google's own client. It holds tasks until their time, sends them
over HTTP and tries again what fails. What it does not do is done here: it takes a name twice, checks no limit, and
signs no identity token.
"""

import re
import threading
import time
from concurrent import futures
from urllib.parse import urlsplit

import grpc
from gcloud_tasks_emulator.cloudtasks_pb2_grpc import add_CloudTasksServicer_to_server
from gcloud_tasks_emulator.server import Greeter, Processor, QueueState
from google.api_core.exceptions import FailedPrecondition
from google.cloud import tasks_v2 as api
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from rest import Refusal, to_json

QUEUE = r"(projects/[^/]+/locations/[^/]+/queues/[A-Za-z0-9-]{1,100})"
TASK = re.compile(QUEUE + r"/tasks/[A-Za-z0-9_-]{1,500}")
LARGEST = 1024 * 1024
DEADLINES = (15, 30 * 60)
FURTHEST = 30 * 24 * 60 * 60
# Headers that belong to Cloud Tasks: what a task sets is dropped.
RESERVED = ("host", "content-length", "x-google-", "x-appengine-", "x-cloudtasks-")


class CloudTasks:
    """The queues, and what was put into them."""

    def __init__(self, double, tokens):
        self.tokens = tokens
        self.lock = threading.Lock()
        self.names = set()
        self.created = []
        self.queues = set()
        self.client = emulator()
        double.route("POST", f"/v2/{QUEUE}/tasks", self.create)
        double.route("GET", f"/v2/{QUEUE}", self.get)
        double.route("POST", f"/control/{QUEUE}", self.change)
        double.route("GET", "/control/tasks", lambda _: self.created)

    def change(self, request, name):
        """Makes a queue, or holds and releases it."""
        self.client.create_queue(parent=name.rpartition("/queues/")[0], queue=api.Queue(name=name))
        self.queues.add(name)
        paused = request.json().get("paused")
        if paused is not None:
            (self.client.pause_queue if paused else self.client.resume_queue)(name=name)
        return {}

    def get(self, request, name):
        self.tokens.check(request)
        if name not in self.queues:
            raise Refusal("NOT_FOUND", "Queue does not exist.")
        return to_json(api.Queue.pb(self.client.get_queue(name=name)))

    def create(self, request, queue):
        self.tokens.check(request)
        asked = request.message(api.CreateTaskRequest.pb(api.CreateTaskRequest()))
        if not asked.HasField("task"):
            raise Refusal("INVALID_ARGUMENT", "Task is required.")
        task = asked.task
        check(task, queue)
        with self.lock:
            if task.name and task.name in self.names:
                raise Refusal("ALREADY_EXISTS", "Requested entity already exists")
            self.names.add(task.name)
        record = to_json(task) | {"text": task.http_request.body.decode(errors="replace")}
        try:
            held = self.client.create_task(parent=queue, task=self.signed(task))
        except FailedPrecondition as error:
            self.names.discard(task.name)
            raise Refusal("FAILED_PRECONDITION", error.message) from None
        self.created.append(record | {"name": held.name})
        # The answer has the basic view: without the body.
        answer = api.Task.pb(held)
        answer.http_request.ClearField("body")
        answer.http_request.headers.pop("Authorization", None)
        return to_json(answer)

    def signed(self, task):
        """The task as the emulator can carry it out: with the token that Cloud Tasks would send."""
        sent = api.Task.pb(api.Task())
        sent.CopyFrom(task)
        for name in [name for name in sent.http_request.headers if name.lower().startswith(RESERVED)]:
            del sent.http_request.headers[name]
        if task.http_request.HasField("oidc_token"):
            oidc = task.http_request.oidc_token
            audience = oidc.audience or task.http_request.url
            token = self.tokens.identity(oidc.service_account_email, audience)
            sent.http_request.ClearField("oidc_token")
            sent.http_request.headers["Authorization"] = f"Bearer {token}"
        return api.Task.wrap(sent)


def check(task, queue):
    """Refuses what Cloud Tasks refuses of an HTTP task."""
    if task.name and (not TASK.fullmatch(task.name) or not task.name.startswith(queue + "/tasks/")):
        raise Refusal("INVALID_ARGUMENT", f'Task name must be formatted: "{queue}/tasks/<TASK_ID>"')
    if task.WhichOneof("message_type") != "http_request":
        raise Refusal("INVALID_ARGUMENT", "an HTTP request is required")
    request = task.http_request
    url = urlsplit(request.url)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise Refusal("INVALID_ARGUMENT", f"HttpRequest.url is no URL: {request.url!r}")
    if request.body and request.http_method not in (0, api.HttpMethod.POST, api.HttpMethod.PUT, api.HttpMethod.PATCH):
        raise Refusal("INVALID_ARGUMENT", "HTTP body not allowed for this method.")
    if task.ByteSize() > LARGEST:
        raise Refusal("INVALID_ARGUMENT", "Task size too large")
    if request.HasField("oidc_token") and "@" not in request.oidc_token.service_account_email:
        raise Refusal("INVALID_ARGUMENT", "OidcToken.service_account_email is no address")
    if task.HasField("dispatch_deadline"):
        if not DEADLINES[0] <= task.dispatch_deadline.ToMilliseconds() / 1000 <= DEADLINES[1]:
            raise Refusal("INVALID_ARGUMENT", "Task.dispatchDeadline must be between [15s, 30m].")
    if task.HasField("schedule_time") and task.schedule_time.ToSeconds() > time.time() + FURTHEST:
        raise Refusal("INVALID_ARGUMENT", "Task.scheduleTime is too far in the future.")
    for field in ("create_time", "first_attempt", "last_attempt"):
        if task.HasField(field):
            raise Refusal("INVALID_ARGUMENT", f"Task.{field} is output only")


def emulator():
    """A client of an emulator in this process, on a port of its own."""
    state = QueueState("127.0.0.1", 0, -1)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    add_CloudTasksServicer_to_server(Greeter(state), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    processor = Processor(state)
    processor.daemon = True
    processor.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    client = api.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
    # The server ends with the process, and not before.
    client.server = server
    return client
