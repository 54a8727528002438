"""POST a picture, get its class. SAVED_MODEL, LABELS and SIZE come from the environment."""
import os

import numpy as np
import tensorflow as tf
from flask import Flask, Response, jsonify, request
from PIL import Image

app = Flask(__name__)
model = tf.saved_model.load(os.environ["SAVED_MODEL"])
signature = model.signatures["serving_default"]
(input_name,) = signature.structured_input_signature[1]
(output_name,) = signature.structured_outputs
with open(os.environ["LABELS"], encoding="utf-8") as file:
    labels = file.read().splitlines()
size = int(os.environ["SIZE"])


@app.get("/health")
def health() -> Response:
    return jsonify(status="ok")


@app.post("/predict")
def predict() -> Response:
    image = Image.open(request.files["file"].stream).convert("RGB").resize((size, size))
    pixels = (np.asarray(image, np.float32) - 127) / 128
    scores = signature(**{input_name: tf.constant(pixels[np.newaxis])})[output_name].numpy()[0]
    best = int(scores.argmax())
    return jsonify(predicted_class=labels[best], confidence_score=float(scores[best]))
