"""The function that scenarios deploy. It sends what it was given to a queue, then follows its script.

The script is a list of rules in the environment variable SCRIPT. The function follows the first rule whose
``when`` is true, and if there is none the batch succeeds. ``when`` is ``contains`` (any of these labels) or
nothing. ``do`` is ``raise``, ``sleep`` (seconds), ``return`` (the response), ``return_characters`` (how many)
or ``report`` (labels to report as failed). The function only uses what every runtime has.
"""

import base64
import json
import os
import time
from typing import Any

import boto3

sqs = boto3.client("sqs")


def handler(event: dict[str, Any], context: Any) -> object:
    """Record the batch, then follow the script."""
    started_at = time.time()
    labels = [json.loads(base64.b64decode(record["kinesis"]["data"]))["label"] for record in event["Records"]]
    receipt = {
        "at": started_at,
        "labels": labels,
        "request_id": context.aws_request_id,
        "function": context.invoked_function_arn,
        "sequences": [record["kinesis"]["sequenceNumber"] for record in event["Records"]],
        "shard": event["Records"][0]["eventID"].split(":")[0],
        "first_record": {**event["Records"][0], "kinesis": {**event["Records"][0]["kinesis"], "data": ""}},
    }
    queue = sqs.get_queue_url(QueueName=os.environ["RECEIPTS"])["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(receipt))
    for rule in json.loads(os.environ["SCRIPT"]):
        wanted = rule.get("when", {}).get("contains", labels)
        if set(wanted) & set(labels):
            return _follow(rule["do"], dict(zip(labels, receipt["sequences"], strict=True)))
    return None


def _follow(do: dict[str, Any], sequences: dict[str, str]) -> object:
    if "raise" in do:
        raise RuntimeError(do["raise"])
    if "sleep" in do:
        time.sleep(do["sleep"])
        return None
    if "report" in do:
        failed = [sequences[label] for label in do["report"] if label in sequences]
        return {"batchItemFailures": [{"itemIdentifier": sequence} for sequence in failed]}
    if "return_characters" in do:
        return "x" * do["return_characters"]
    return do["return"]
