"""mediapipe 0.10.21 as a worker of bench/norm: refined FaceMesh and SelfieSegmentation on each frame."""

import sys
import time

import mediapipe
import numpy as np

mesh = mediapipe.solutions.face_mesh.FaceMesh(refine_landmarks=True)
selfie = mediapipe.solutions.selfie_segmentation.SelfieSegmentation(model_selection=0)
frames = np.load(sys.argv[1])
for line in sys.stdin:
    begun = time.perf_counter()
    found = mesh.process(frames[int(line)])
    selfie.process(frames[int(line)])
    print((time.perf_counter() - begun) * 1e3, flush=True)
    assert found.multi_face_landmarks, "mediapipe found no face"
