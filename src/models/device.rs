//! Where the networks run.

use burn::tensor::Device;
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
    /// A GPU, or an error.
    Gpu,
}

impl DeviceChoice {
    /// Opens the device.
    ///
    /// # Errors
    /// [`ModelError::NoDevice`] when what was asked for is not there or was not compiled in.
    pub(crate) fn open(self) -> Result<Device, ModelError> {
        match self {
            Self::Cpu => cpu(),
            Self::Gpu => gpu().ok_or_else(|| ModelError::NoDevice {
                reason: if cfg!(feature = "gpu") {
                    "no working GPU was found; use --device cpu".to_owned()
                } else {
                    "this build has no GPU backend; use --device cpu".to_owned()
                },
            }),
            Self::Auto => gpu().map_or_else(cpu, Ok),
        }
    }

    /// The device for sentences: one sentence is encoded on the CPU before a GPU has compiled its first kernel.
    pub(crate) fn for_text(self) -> Result<Device, ModelError> {
        if cfg!(feature = "cpu") {
            cpu()
        } else {
            self.open()
        }
    }
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
fn cpu() -> Result<Device, ModelError> {
    Ok(Device::flex())
}

#[cfg(not(feature = "cpu"))]
fn cpu() -> Result<Device, ModelError> {
    Err(ModelError::NoDevice {
        reason: "this build has no CPU backend; use --device gpu".to_owned(),
    })
}

/// The first card that computes correctly. Software rasterisers are left out: they spend minutes on compiling kernels that
/// then run slower than the CPU backend.
#[cfg(feature = "gpu")]
fn gpu() -> Option<Device> {
    use burn::tensor::DeviceType;
    use std::panic::catch_unwind;

    // Drivers fail in ways that wgpu turns into panics; a broken driver must not cost the user the CPU path.
    let devices = catch_unwind(|| Device::enumerate(DeviceType::Wgpu)).ok()?;
    let works = |device: &Device| {
        catch_unwind(|| {
            let card = device.identity().is_some_and(|id| id.physical.is_some());
            card && computes(device)
        })
        .unwrap_or(false)
    };
    devices.iter().find(|device| works(device)).cloned()
}

/// A product whose value is known: drivers that return wrong numbers exist.
#[cfg(feature = "gpu")]
fn computes(device: &Device) -> bool {
    use burn::tensor::{Int, Tensor};

    let n = 16;
    let ramp = Tensor::<1, Int>::arange(0..n, device).float();
    let square = ramp
        .clone()
        .reshape([n as usize, 1])
        .matmul(ramp.reshape([1, n as usize]));
    let expected = (0..n).map(|i| i as f32).sum::<f32>().powi(2);
    square
        .sum()
        .into_data()
        .try_into_vec::<f32>()
        .is_ok_and(|sum| (sum[0] - expected).abs() < 1e-2 * expected)
}

#[cfg(not(feature = "gpu"))]
fn gpu() -> Option<Device> {
    None
}
