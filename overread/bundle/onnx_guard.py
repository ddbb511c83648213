"""Refuse an ONNX model that would read other files, without the onnx package.

A tensor of an ONNX model may keep its numbers in another file ("external data"), so a model could
name any file of the machine. The walk below follows protobuf's wire format (field numbers of
onnx.proto3, IR version 11) through every place where a tensor can stand.
"""

from __future__ import annotations

from overread.errors import BundleError

_MAX_DEPTH = 64
_TENSOR, _EXTERNAL_DATA, _DATA_LOCATION = "TensorProto", 13, 14
_CHILDREN: dict[str, dict[int, str]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "GraphProto": {1: "NodeProto", 5: _TENSOR, 15: "SparseTensorProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: _TENSOR,
        6: "GraphProto",
        10: _TENSOR,
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: _TENSOR, 2: _TENSOR},
    _TENSOR: {},
}


def refuse_external_data(model: bytes, *, where: str) -> None:
    """Check that a model keeps all its numbers inside itself.

    Raises:
        BundleError: It does not, or it is not an ONNX model.
    """
    try:
        external = _walk(memoryview(model), "ModelProto", 0)
    except (ValueError, IndexError) as error:
        raise BundleError("is not an ONNX model", where=where, todo="pack the bundle anew") from error
    if external:
        raise BundleError(
            "keeps weights in another file, which a bundle may not",
            where=where,
            todo="save the model with its weights inside",
        )


def _walk(message: memoryview, kind: str, depth: int) -> bool:
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deep")
    position, end, children = 0, len(message), _CHILDREN[kind]
    while position < end:
        key, position = _varint(message, position)
        field, wire = key >> 3, key & 7
        start, value = position, 0
        if wire == 0:
            value, position = _varint(message, position)
        elif wire == 1:
            position += 8
        elif wire == 2:
            length, start = _varint(message, position)
            position = start + length
        elif wire == 5:
            position += 4
        else:
            raise ValueError(f"wire type {wire}")
        if position > end or field == 0:
            raise ValueError("ends too early")
        if kind == _TENSOR and (field == _EXTERNAL_DATA or (field == _DATA_LOCATION and value)):
            return True
        if wire == 2 and field in children and _walk(message[start:position], children[field], depth + 1):
            return True
    return False


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("endless number")
