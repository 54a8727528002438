"""TFRecord files of tf.train.Example, without TensorFlow, which takes seconds to import.

https://www.tensorflow.org/tutorials/load_data/tfrecord: length (uint64), masked CRC-32C of the
length, data, masked CRC-32C of the data, all little-endian.
"""
from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google_crc32c import value as crc32c

_FIELD = descriptor_pb2.FieldDescriptorProto


def record(data: bytes) -> bytes:
    """One record of a file."""
    length = struct.pack("<Q", len(data))
    return b"".join((length, _masked_crc(length), data, _masked_crc(data)))


def example(features: Mapping[str, bytes | int]) -> bytes:
    """A tf.train.Example with one value for each feature: bytes, or an int64."""
    message = _EXAMPLE()
    for name, value in features.items():
        feature = message.features.feature[name]
        if isinstance(value, bytes):
            feature.bytes_list.value.append(value)
        else:
            feature.int64_list.value.append(value)
    data: bytes = message.SerializeToString(deterministic=True)
    return data


def _masked_crc(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _example_class() -> Any:
    """The message as it is in tensorflow/core/example/example.proto, as far as it is used."""
    file = descriptor_pb2.FileDescriptorProto(
        name="example.proto", package="tensorflow", syntax="proto3")
    for name, kind in (("BytesList", _FIELD.TYPE_BYTES), ("Int64List", _FIELD.TYPE_INT64)):
        file.message_type.add(name=name).field.add(
            name="value", number=1, type=kind, label=_FIELD.LABEL_REPEATED)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for name, number in (("BytesList", 1), ("Int64List", 3)):
        feature.field.add(
            name=f"{name[:5].lower()}_list", number=number, type=_FIELD.TYPE_MESSAGE,
            label=_FIELD.LABEL_OPTIONAL, type_name=f".tensorflow.{name}", oneof_index=0)
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=_FIELD.TYPE_STRING, label=_FIELD.LABEL_OPTIONAL)
    entry.field.add(name="value", number=2, type=_FIELD.TYPE_MESSAGE,
                    label=_FIELD.LABEL_OPTIONAL, type_name=".tensorflow.Feature")
    features.field.add(name="feature", number=1, type=_FIELD.TYPE_MESSAGE,
                       label=_FIELD.LABEL_REPEATED, type_name=".tensorflow.Features.FeatureEntry")
    file.message_type.add(name="Example").field.add(
        name="features", number=1, type=_FIELD.TYPE_MESSAGE, label=_FIELD.LABEL_OPTIONAL,
        type_name=".tensorflow.Features")
    pool = descriptor_pool.DescriptorPool()  # TensorFlow has its own in the default one
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.Example"))


_EXAMPLE = _example_class()
