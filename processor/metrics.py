"""The metrics the processor emits: one typed list, shared with the alarms and the dashboard.

They reach CloudWatch as embedded metric format (EMF) lines in the function's log:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
Each is published with the dimension ``service`` (the function's name); ``RejectedEvents`` a second time with
``service`` and ``reason``.
"""

from typing import Final, Literal

NAMESPACE: Final = "StudentPerformance"
SERVICE_DIMENSION: Final = "service"
REASON_DIMENSION: Final = "reason"

MetricName = Literal[
    "ReceivedEvents",  # count: events taken out of the batch's records, bad ones included
    "StoredEvents",  # count: rows that were new
    "DuplicateEvents",  # count: deliveries or event_ids that were there already
    "ConflictingEvents",  # count: of the duplicates, those whose content differs from what is stored
    "ExpiredEvents",  # count: events that arrived in a month that was dropped, and are kept nowhere
    "ErasedEvents",  # count: events of erased students and rejections that hold their id, kept nowhere
    "RejectedEvents",  # count: rows new in rejected_event
    "DecoderFailures",  # count: of the rejected events, those at which a decoder raised what it must not
    "DeferredRecords",  # count: Kinesis records handed back to Lambda because the deadline neared
    "Retries",  # count: attempts repeated inside the invocation after a transient error
    "BatchDuration",  # milliseconds: from the invocation's start to its response
    "StorageLag",  # milliseconds: from the oldest event's arrival in Kinesis to the end of its batch
]
