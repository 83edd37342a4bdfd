from pytflite.tools.building import call

# Targets whose names say what they are; others are yours to register, as custom operators are.
print(
    call(
        "STABLEHLO_CUSTOM_CALL",
        [0.0, 1.0],
        outputs=("FLOAT32",),
        shapes=((2,),),
        call_target_name="mhlo.erf",
    ).round(4)
)
