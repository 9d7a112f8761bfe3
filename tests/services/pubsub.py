"""Pub/Sub v1 for machines without Google's own emulator: topics, subscriptions, pulling, pushing, leases, ordering.

`python pubsub.py` prints the address that it listens on, and answers until it is ended. As the emulator does, it asks
for no credentials. It holds messages in memory, and one thread takes back what was leased for too long and pushes.
"""

import itertools
import json
import threading
import time
import urllib.error
import urllib.request

from google.protobuf import timestamp_pb2
from google.pubsub_v1 import types as api

from rest import Double, Refusal, to_json

PROJECT = r"projects/[^/]+"
ID = r"[A-Za-z][A-Za-z0-9._~%+-]{2,254}"
TOPIC = f"({PROJECT}/topics/{ID})"
SUBSCRIPTION = f"({PROJECT}/subscriptions/{ID})"
DEFAULT_LEASE = 10
LEASES = (10, 600)
# How long a pull waits for a first message.
PATIENCE = 2
# How long a push that failed waits; Google's own begins with as much.
BACKOFF = 0.1
# What counts as an acknowledgement of a push.
ACKNOWLEDGED = (102, 200, 201, 202, 204)


class Delivery:
    """A message on its way to one subscription."""

    def __init__(self, message):
        self.message = message
        self.ack_id = None
        # Until then it is leased, or waits to be pushed again.
        self.until = 0


class Subscription:
    """What a subscription has not yet been acknowledged, oldest first."""

    def __init__(self, message):
        self.message = message
        self.waiting = []

    def due(self):
        """What may be delivered now: nothing that is leased, and of one ordering key only the oldest."""
        now, keys = time.monotonic(), set()
        for delivery in self.waiting:
            key = delivery.message.ordering_key
            is_held = self.message.enable_message_ordering and key and key in keys
            keys.add(key)
            if not is_held and delivery.until <= now:
                yield delivery


class PubSub:
    """All topics and subscriptions."""

    def __init__(self, double):
        self.changed = threading.Condition()
        self.topics = set()
        self.subscriptions = {}
        self.numbers = itertools.count(1)
        double.route("PUT", f"/v1/{TOPIC}", self.create_topic)
        double.route("GET", f"/v1/{TOPIC}", self.get_topic)
        double.route("POST", f"/v1/{TOPIC}:publish", self.publish)
        double.route("PUT", f"/v1/{SUBSCRIPTION}", self.create_subscription)
        double.route("GET", f"/v1/{SUBSCRIPTION}", lambda _, name: to_json(self.find(name).message))
        double.route("POST", f"/v1/{SUBSCRIPTION}:pull", self.pull)
        double.route("POST", f"/v1/{SUBSCRIPTION}:acknowledge", self.acknowledge)
        double.route("POST", f"/v1/{SUBSCRIPTION}:modifyAckDeadline", self.modify)
        threading.Thread(target=self.push_forever, daemon=True).start()

    def create_topic(self, request, name):
        request.message(api.Topic.pb(api.Topic()))
        if name in self.topics:
            raise Refusal("ALREADY_EXISTS", "Topic already exists")
        self.topics.add(name)
        return {"name": name}

    def get_topic(self, _, name):
        if name not in self.topics:
            raise Refusal("NOT_FOUND", "Topic not found")
        return {"name": name}

    def create_subscription(self, request, name):
        message = request.message(api.Subscription.pb(api.Subscription()))
        self.get_topic(request, message.topic)
        if name in self.subscriptions:
            raise Refusal("ALREADY_EXISTS", "Subscription already exists")
        message.name = name
        message.ack_deadline_seconds = message.ack_deadline_seconds or DEFAULT_LEASE
        if not LEASES[0] <= message.ack_deadline_seconds <= LEASES[1]:
            raise Refusal("INVALID_ARGUMENT", f"an acknowledgement deadline is one of {LEASES} seconds")
        self.subscriptions[name] = Subscription(message)
        return to_json(message)

    def find(self, name):
        if name not in self.subscriptions:
            raise Refusal("NOT_FOUND", f"Subscription does not exist (resource={name.rpartition('/')[2]})")
        return self.subscriptions[name]

    def publish(self, request, topic):
        asked = request.message(api.PublishRequest.pb(api.PublishRequest()))
        self.get_topic(request, topic)
        if not asked.messages:
            raise Refusal("INVALID_ARGUMENT", "No messages to publish.")
        for message in asked.messages:
            if not message.data and not message.attributes:
                raise Refusal("INVALID_ARGUMENT", "Some messages in the batch are empty.")
            if message.message_id or message.HasField("publish_time"):
                raise Refusal("INVALID_ARGUMENT", "message_id and publish_time are the server's to set")
            if len(message.ordering_key.encode()) > 1024:
                raise Refusal("INVALID_ARGUMENT", "the ordering key is longer than 1024 bytes")
        published = timestamp_pb2.Timestamp()
        published.GetCurrentTime()
        with self.changed:
            for message in asked.messages:
                message.message_id = str(next(self.numbers))
                message.publish_time.CopyFrom(published)
                for subscription in self.subscriptions.values():
                    if subscription.message.topic == topic:
                        subscription.waiting.append(Delivery(message))
            self.changed.notify_all()
        return {"messageIds": [message.message_id for message in asked.messages]}

    def pull(self, request, name):
        asked = request.message(api.PullRequest.pb(api.PullRequest()))
        subscription = self.find(name)
        if asked.max_messages < 1:
            raise Refusal("INVALID_ARGUMENT", "You must pass a positive value for max_messages")
        if subscription.message.push_config.push_endpoint:
            raise Refusal("FAILED_PRECONDITION", "a push subscription cannot be pulled")
        patience = 0 if asked.return_immediately else PATIENCE
        with self.changed:
            self.changed.wait_for(lambda: any(subscription.due()), timeout=patience)
            taken = list(itertools.islice(subscription.due(), asked.max_messages))
            for delivery in taken:
                delivery.ack_id = f"{name}:{next(self.numbers)}"
                delivery.until = time.monotonic() + subscription.message.ack_deadline_seconds
            received = [
                api.ReceivedMessage(ack_id=delivery.ack_id, message=api.PubsubMessage.wrap(delivery.message))
                for delivery in taken
            ]
        return to_json(api.PullResponse.pb(api.PullResponse(received_messages=received)))

    def acknowledge(self, request, name):
        asked = request.message(api.AcknowledgeRequest.pb(api.AcknowledgeRequest()))
        self.end(self.find(name), list(asked.ack_ids))
        return {}

    def end(self, subscription, ack_ids):
        if not ack_ids:
            raise Refusal("INVALID_ARGUMENT", "No ack ids specified.")
        with self.changed:
            # An id whose lease is over is of no use and no fault.
            is_open = [delivery for delivery in subscription.waiting if delivery.ack_id not in ack_ids]
            subscription.waiting = is_open
            self.changed.notify_all()

    def modify(self, request, name):
        asked = request.message(api.ModifyAckDeadlineRequest.pb(api.ModifyAckDeadlineRequest()))
        subscription = self.find(name)
        if not asked.ack_ids:
            raise Refusal("INVALID_ARGUMENT", "No ack ids specified.")
        if not 0 <= asked.ack_deadline_seconds <= LEASES[1]:
            raise Refusal("INVALID_ARGUMENT", "Invalid ack deadline given")
        with self.changed:
            for delivery in subscription.waiting:
                if delivery.ack_id in asked.ack_ids:
                    delivery.until = time.monotonic() + asked.ack_deadline_seconds
            self.changed.notify_all()
        return {}

    def push_forever(self):
        while True:
            with self.changed:
                # Leases end without anybody's doing, so it looks now and then.
                self.changed.wait(timeout=BACKOFF)
                self.changed.notify_all()
                due = [
                    (subscription, delivery)
                    for subscription in self.subscriptions.values()
                    if subscription.message.push_config.push_endpoint
                    for delivery in subscription.due()
                ]
                for subscription, delivery in due:
                    delivery.until = time.monotonic() + subscription.message.ack_deadline_seconds
            for subscription, delivery in due:
                threading.Thread(target=self.push, args=(subscription, delivery), daemon=True).start()

    def push(self, subscription, delivery):
        message = to_json(delivery.message)
        # Both spellings are sent, as Google's own do.
        message |= {"message_id": message["messageId"], "publish_time": message["publishTime"]}
        body = json.dumps({"message": message, "subscription": subscription.message.name}).encode()
        request = urllib.request.Request(
            subscription.message.push_config.push_endpoint, data=body, headers={"Content-Type": "application/json"}
        )
        try:
            status = urllib.request.urlopen(request, timeout=subscription.message.ack_deadline_seconds).status
        except urllib.error.HTTPError as error:
            status = error.code
        except OSError:
            status = None
        with self.changed:
            if status in ACKNOWLEDGED:
                subscription.waiting = [other for other in subscription.waiting if other is not delivery]
            else:
                delivery.until = time.monotonic() + BACKOFF
            self.changed.notify_all()


if __name__ == "__main__":
    double = Double()
    PubSub(double)
    double.serve()
