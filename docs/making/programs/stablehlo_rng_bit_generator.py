import numpy as np

from pytflite.tools.building import call

state = np.array([1, 2], np.uint64)
for _ in range(2):
    state, bits = call(
        "STABLEHLO_RNG_BIT_GENERATOR",
        state,
        outputs=("UINT64", "UINT32"),
        shapes=((2,), (3,)),
        algorithm=1,
    )
    print(state, bits)
