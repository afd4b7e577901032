"""Rotary scaling by the formulas of their papers and first implementations, in doubles and in the terms used there: inverse
frequencies. No library is needed.

    python3 tests/golden/rotary.py > tests/golden/rotary.json

yarn      arXiv 2309.00071, section 3.2 and 3.4; the ramp's ends as in github.com/jquesnelle/yarn
longrope  arXiv 2402.13753, and microsoft's Phi-3 for the temperature
llama3    Meta's llama-models, apply_scaling()
"""
import json
import math


def inverse_frequencies(theta, dimension):
    return [theta ** (-2 * d / dimension) for d in range(dimension // 2)]


def yarn(theta, dimension, factor, trained, beta_fast, beta_slow, whole):
    def correction_dim(rotations):
        return dimension * math.log(trained / (rotations * 2 * math.pi)) / (2 * math.log(theta))

    low, high = correction_dim(beta_fast), correction_dim(beta_slow)
    if whole:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dimension - 1)
    scaled = []
    for d, frequency in enumerate(inverse_frequencies(theta, dimension)):
        ramp = min(1, max(0, (d - low) / (high - low)))
        scaled.append(frequency / factor * ramp + frequency * (1 - ramp))
    return scaled, 0.1 * math.log(factor) + 1


def longrope(theta, dimension, short_factor, trained, context):
    scaled = [f / s for f, s in zip(inverse_frequencies(theta, dimension), short_factor)]
    return scaled, math.sqrt(1 + math.log(context / trained) / math.log(trained))


def llama3(theta, dimension, factor, low, high, trained):
    scaled = []
    for frequency in inverse_frequencies(theta, dimension):
        wavelength = 2 * math.pi / frequency
        if wavelength < trained / high:
            scaled.append(frequency)
        elif wavelength > trained / low:
            scaled.append(frequency / factor)
        else:
            smooth = (trained / wavelength - low) / (high - low)
            scaled.append((1 - smooth) * frequency / factor + smooth * frequency)
    return scaled, 1


def case(function, **arguments):
    inverse, magnitude = function(**arguments)
    return {**arguments, "inverseFrequencies": inverse, "magnitude": magnitude}


print(
    json.dumps(
        {
            "yarn": [
                case(yarn, theta=1e4, dimension=128, factor=16, trained=4096, beta_fast=32, beta_slow=1, whole=True),
                case(yarn, theta=1e6, dimension=128, factor=4, trained=32768, beta_fast=32, beta_slow=1, whole=True),
                case(yarn, theta=150000, dimension=64, factor=32, trained=4096, beta_fast=32, beta_slow=1, whole=False),
                case(yarn, theta=1e4, dimension=64, factor=2.5, trained=1024, beta_fast=8, beta_slow=2, whole=True),
            ],
            "longrope": [
                case(
                    longrope,
                    theta=1e4,
                    dimension=8,
                    short_factor=[1.05, 1.2, 2.5, 3.75],
                    trained=4096,
                    context=131072,
                ),
            ],
            "llama3": [
                case(llama3, theta=500000, dimension=128, factor=8, low=1, high=4, trained=8192),
                case(llama3, theta=500000, dimension=64, factor=32, low=1, high=4, trained=8192),
            ],
        },
    )
)
