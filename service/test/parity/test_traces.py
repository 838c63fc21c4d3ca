"""The traces of the running service, read by the schema that OpenTelemetry publishes."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from typing import Any, BinaryIO

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from service_process import ROOT, ServiceProcess

DIGITS = ROOT / 'service/models/digits'
TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
PARENT_ID = 'b7ad6b7169203331'
RECEIVED_SECONDS = 20
IDS = ('traceId', 'spanId', 'parentSpanId')


@contextmanager
def collector() -> Iterator[tuple[str, Queue[tuple[str, bytes]]]]:
    """Where it listens, and type and body of what it gets."""
    received: Queue[tuple[str, bytes]] = Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.put((self.headers['content-type'], b''.join(chunks(self.rfile))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(('127.0.0.1', 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f'http://127.0.0.1:{server.server_port}', received
        finally:
            server.shutdown()
            thread.join()


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Of a body without a length (RFC 9112, 7.1)."""
    while size := int(stream.readline(), 16):
        yield stream.read(size)
        stream.readline()
    stream.readline()


def parse(kind: str, body: bytes) -> ExportTraceServiceRequest:
    """Raises on a field that the schema does not have."""
    if kind == 'application/json':
        return ParseDict(json.loads(body, object_hook=with_base64_ids), ExportTraceServiceRequest())
    assert kind == 'application/x-protobuf'
    request = ExportTraceServiceRequest.FromString(body)
    size = request.ByteSize()
    request.DiscardUnknownFields()
    assert request.ByteSize() == size
    return request


def with_base64_ids(given: dict[str, Any]) -> dict[str, Any]:
    """OTLP has ids in hex, where the JSON of protobuf has base64."""
    return given | {key: base64.b64encode(bytes.fromhex(given[key])).decode() for key in IDS if key in given}


def values_of(attributes: list[KeyValue]) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof('value')) for each in attributes}


@pytest.mark.parametrize('protocol', ['http/protobuf', 'http/json'])
def test_spans_are_read_by_the_published_schema(protocol: str) -> None:
    with collector() as (url, received):
        settings = {
            'OTEL_EXPORTER_OTLP_ENDPOINT': url,
            'OTEL_EXPORTER_OTLP_PROTOCOL': protocol,
            'OTEL_SERVICE_NAME': 'eyes',
            'OTEL_BSP_SCHEDULE_DELAY': '50',
        }
        with ServiceProcess(DIGITS, settings=settings) as service:
            image = (DIGITS / 'golden/7-blocks.png').read_bytes()
            answer = service.predict(image, headers={'traceparent': f'00-{TRACE_ID}-{PARENT_ID}-01'})
            request = parse(*received.get(timeout=RECEIVED_SECONDS))

    [resource_spans] = request.resource_spans
    assert values_of(resource_spans.resource.attributes)['service.name'] == 'eyes'
    spans = {span.name: span for scope in resource_spans.scope_spans for span in scope.spans}
    root = spans['POST /predict']
    assert (root.trace_id.hex(), root.parent_span_id.hex()) == (TRACE_ID, PARENT_ID)
    assert root.kind == Span.SPAN_KIND_SERVER
    attributes = values_of(root.attributes)
    assert attributes['http.response.status_code'] == 200
    assert attributes['cv.request_id'] == answer['request_id']
    stages = {name: span for name, span in spans.items() if span.parent_span_id == root.span_id}
    assert set(stages) == {'decode', 'queue', 'inference', 'postprocess'}
    for span in stages.values():
        assert span.kind == Span.SPAN_KIND_INTERNAL
        assert root.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.end_time_unix_nano <= root.end_time_unix_nano
    [link] = spans['batch'].links
    assert link.span_id == root.span_id
    assert [link.span_id for link in spans['inference'].links] == [spans['batch'].span_id]
