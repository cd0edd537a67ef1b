//! Which tone is in a recording: enough of a WAV reader and of a Fourier transform for that.

use std::f64::consts::TAU;
use std::fs;
use std::path::Path;

/// Samples of one look: a tenth of a second.
pub(crate) const WINDOW: usize = 800;
/// Samples a second of a recorded call.
const RATE: f64 = 8_000.0;
/// Bytes of a plain PCM WAV header.
const HEADER: usize = 44;
/// Mean square under which a window is silence.
const SILENCE: f64 = 100.0;

/// The samples of a 16-bit mono WAV that may still be growing (its header is not yet right, and not read).
pub(crate) fn samples(wav: &Path) -> Vec<f64> {
    let bytes = fs::read(wav).unwrap_or_default();
    let pcm = bytes.get(HEADER..).unwrap_or_default();
    pcm.chunks_exact(2).map(|pair| f64::from(i16::from_le_bytes([pair[0], pair[1]]))).collect()
}

/// The share of the signal's energy that lies at a frequency: 1 for a pure tone, 0 for silence.
///
/// The frequency may be off by some hertz, as a resampler leaves it.
pub(crate) fn share(samples: &[f64], hertz: f64) -> f64 {
    let energy: f64 = samples.iter().map(|sample| sample * sample).sum();
    let count = samples.iter().map(|_| 1.0).sum::<f64>();
    if energy <= SILENCE * count {
        return 0.0;
    }
    let at = |hertz: f64| {
        let (mut re, mut im, mut phase) = (0.0, 0.0, 0.0_f64);
        for sample in samples {
            re += sample * phase.cos();
            im += sample * phase.sin();
            phase += TAU * hertz / RATE;
        }
        (re * re + im * im) * 2.0 / (count * energy)
    };
    [-8.0, -4.0, 0.0, 4.0, 8.0].map(|off| at(hertz + off)).into_iter().fold(0.0, f64::max)
}

/// Whether a recording ends with this tone and no other, for half a second.
pub(crate) fn ends_with(samples: &[f64], hertz: f64) -> bool {
    let end = &samples[samples.len().saturating_sub(5 * WINDOW)..];
    end.len() == 5 * WINDOW && end.chunks(WINDOW).all(|window| share(window, hertz) > 0.8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hertz: f64) -> Vec<f64> {
        (0..8_000).map(|n| 8_000.0 * (TAU * hertz * f64::from(n) / RATE).sin()).collect()
    }

    #[test]
    fn a_tone_is_told_from_another_and_from_silence() {
        assert!(ends_with(&tone(600.0), 600.0));
        assert!(ends_with(&tone(603.0), 600.0));
        assert!(!ends_with(&tone(1_000.0), 600.0));
        assert!(!ends_with(&vec![0.0; 8_000], 600.0));
        assert!(!ends_with(&tone(600.0)[..400], 600.0));
        let both: Vec<_> = tone(600.0).iter().zip(tone(1_000.0)).map(|(a, b)| a + b).collect();
        assert!(!ends_with(&both, 600.0));
    }
}
