//! Where the networks run.

#[cfg(feature = "gpu")]
mod self_test;

use burn::tensor::{DType, Device};
use serde::{Deserialize, Serialize};

use super::ModelError;

/// Which compute device to use.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// A GPU where one is found, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU, also one that is only software; the CPU where none works, with a warning.
    Gpu,
}

/// Floating-point format of weights and activations on a GPU.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits: half the memory. Sums, the statistics of norms and GELU are computed in 32 all the same. A GPU that lacks them
    /// computes in 32 bits, with a warning.
    F16,
}

impl Precision {
    pub(crate) fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
        }
    }
}

/// Where the networks run, and in which precision.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Compute {
    /// The device.
    pub device: DeviceChoice,
    /// The precision of a GPU; the CPU computes in 32 bits whatever it is, with a warning if it was to be 16.
    pub precision: Precision,
}

impl From<DeviceChoice> for Compute {
    /// In 32 bits.
    fn from(device: DeviceChoice) -> Self {
        Self {
            device,
            precision: Precision::F32,
        }
    }
}

/// A device that works, and the precision in which it does.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) device: Device,
    pub(crate) precision: Precision,
}

impl DeviceChoice {
    /// Opens the device to compute in 32 bits; see [`Compute::open`].
    pub(crate) fn open(self) -> Result<Device, ModelError> {
        Ok(Compute::from(self).open()?.device)
    }
}

impl Compute {
    /// Opens the device. Where it is not the one that was asked for, or not in that precision, a warning says so and why.
    ///
    /// # Errors
    /// [`ModelError::NoDevice`] when nothing that was compiled in can be used.
    pub(crate) fn open(self) -> Result<Place, ModelError> {
        let is_half = self.precision == Precision::F16;
        let adapters = match self.device {
            DeviceChoice::Cpu => {
                let place = cpu()?;
                if is_half {
                    tracing::warn!("f16 is for a GPU; the CPU computes in f32");
                }
                return Ok(place);
            }
            DeviceChoice::Auto => Adapters::Cards,
            DeviceChoice::Gpu => Adapters::All,
        };
        gpu(adapters, self.precision).or_else(|reason| {
            let place = cpu().map_err(|error| match self.device {
                DeviceChoice::Gpu => ModelError::NoDevice {
                    reason: reason.clone(),
                },
                _ => error,
            })?;
            if is_half {
                tracing::warn!("{reason}; the CPU is used instead, in f32");
            } else if self.device == DeviceChoice::Gpu {
                tracing::warn!("{reason}; the CPU is used instead");
            }
            Ok(place)
        })
    }

    /// The device for sentences: one sentence is encoded on the CPU before a GPU has compiled its first kernel.
    pub(crate) fn for_text(self) -> Result<Place, ModelError> {
        if cfg!(feature = "cpu") {
            cpu()
        } else {
            self.open()
        }
    }
}

/// How many of `count` pictures are encoded at once: on the CPU one keeps all cores busy, and more would only take more memory.
pub(crate) fn at_once(count: usize, device: &Device) -> usize {
    if is_cpu(device) { 1 } else { count.max(1) }
}

/// Whether tensors of this device are in main memory.
pub(crate) fn is_cpu(device: &Device) -> bool {
    #[cfg(feature = "cpu")]
    return *device == Device::flex();
    #[cfg(not(feature = "cpu"))]
    {
        let _ = device;
        false
    }
}

#[cfg(feature = "cpu")]
fn cpu() -> Result<Place, ModelError> {
    Ok(Place {
        device: Device::flex(),
        precision: Precision::F32,
    })
}

#[cfg(not(feature = "cpu"))]
fn cpu() -> Result<Place, ModelError> {
    Err(ModelError::NoDevice {
        reason: "this build has no CPU backend; use --device gpu".to_owned(),
    })
}

/// What counts as a GPU.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Adapters {
    /// Hardware. Software rasterisers spend minutes on compiling kernels that then run slower than the CPU backend.
    Cards,
    /// Software too: whoever asks for it by name tests the GPU path.
    All,
}

/// The first adapter that computes correctly, hardware before software, or why there is none.
#[cfg(feature = "gpu")]
fn gpu(adapters: Adapters, precision: Precision) -> Result<Place, String> {
    use burn::tensor::DeviceType;
    use std::panic::catch_unwind;

    // Drivers fail in ways that wgpu turns into panics; a broken driver must not cost the user the CPU path.
    let devices =
        catch_unwind(|| Device::enumerate(DeviceType::Wgpu).into_vec()).unwrap_or_default();
    let is_card = |device: &Device| {
        catch_unwind(|| device.identity().is_some_and(|id| id.physical.is_some())).unwrap_or(false)
    };
    let (cards, software): (Vec<Device>, Vec<Device>) = devices.into_iter().partition(is_card);
    let candidates = match adapters {
        Adapters::Cards => cards,
        Adapters::All => cards.into_iter().chain(software).collect(),
    };
    if candidates.is_empty() {
        return Err("no GPU was found".to_owned());
    }
    let examine = |device: &Device, precision: Precision| {
        let has = || device.supports_dtype(precision.dtype());
        if !catch_unwind(has).unwrap_or(false) {
            Examined::Lacks
        } else if catch_unwind(|| self_test::passes(device, precision)).unwrap_or(false) {
            Examined::Works
        } else {
            Examined::Wrong
        }
    };
    let chosen = choose(candidates, precision, examine)?;
    if let Some(reason) = chosen.fallback {
        tracing::warn!("{reason}; f32 is used instead");
    }
    Ok(Place {
        device: chosen.device,
        precision: chosen.precision,
    })
}

#[cfg(not(feature = "gpu"))]
fn gpu(_: Adapters, _: Precision) -> Result<Place, String> {
    Err("this build has no GPU backend".to_owned())
}

/// What came of the examination of an adapter in a precision.
#[cfg(feature = "gpu")]
enum Examined {
    Works,
    /// It has no floats of this width.
    Lacks,
    /// The self-test failed.
    Wrong,
}

#[cfg(feature = "gpu")]
#[derive(Debug, PartialEq)]
struct Chosen<D> {
    device: D,
    precision: Precision,
    /// Why it is not the precision that was asked for.
    fallback: Option<&'static str>,
}

/// The first device that works, in `precision` or else in f32: the order of the devices counts for more, because half
/// precision on a slower one would be slower.
#[cfg(feature = "gpu")]
fn choose<D>(
    devices: Vec<D>,
    precision: Precision,
    examine: impl Fn(&D, Precision) -> Examined,
) -> Result<Chosen<D>, String> {
    for device in devices {
        let fallback = match examine(&device, precision) {
            Examined::Works => {
                return Ok(Chosen {
                    device,
                    precision,
                    fallback: None,
                });
            }
            _ if precision == Precision::F32 => continue,
            Examined::Lacks => "the GPU has no 16-bit floats",
            Examined::Wrong => "the GPU or its driver computes wrong numbers in f16",
        };
        if let Examined::Works = examine(&device, Precision::F32) {
            return Ok(Chosen {
                device,
                precision: Precision::F32,
                fallback: Some(fallback),
            });
        }
    }
    Err("the GPU or its driver computes wrong numbers".to_owned())
}

#[cfg(all(test, feature = "cpu", feature = "gpu"))]
mod tests {
    use super::*;
    use Precision::{F16, F32};

    /// What is chosen of devices of which each lacks, fails or does f16 and f32.
    fn chosen(
        devices: &[&'static str],
        precision: Precision,
    ) -> Result<Chosen<&'static str>, String> {
        choose(devices.to_vec(), precision, |device, precision| {
            match (*device, precision) {
                ("no f16", F16) => Examined::Lacks,
                ("wrong f16", F16) | ("broken", _) => Examined::Wrong,
                _ => Examined::Works,
            }
        })
    }

    #[test]
    fn a_gpu_falls_back_to_f32_and_then_to_the_next() {
        let told = |device, reason: Option<&'static str>| {
            Ok(Chosen {
                device,
                precision: if reason.is_some() { F32 } else { F16 },
                fallback: reason,
            })
        };
        assert_eq!(chosen(&["good"], F16), told("good", None));
        let lacks = told("no f16", Some("the GPU has no 16-bit floats"));
        assert_eq!(chosen(&["broken", "no f16", "good"], F16), lacks);
        let reason = "the GPU or its driver computes wrong numbers in f16";
        let wrong = told("wrong f16", Some(reason));
        assert_eq!(chosen(&["wrong f16", "good"], F16), wrong);
        assert!(chosen(&["broken"], F16).is_err() && chosen(&["broken"], F32).is_err());
        let found = chosen(&["broken", "no f16"], F32).unwrap();
        assert_eq!((found.device, found.fallback), ("no f16", None));
    }

    #[test]
    fn the_cpu_computes_in_32_bits_whatever_is_asked_for() {
        let compute = Compute {
            device: DeviceChoice::Cpu,
            precision: F16,
        };
        assert_eq!(compute.open().unwrap().precision, F32);
        assert_eq!(compute.for_text().unwrap().precision, F32);
    }
}
