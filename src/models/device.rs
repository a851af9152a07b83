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
    /// A GPU, also one that is only software; the CPU where none works, with a warning.
    Gpu,
}

impl DeviceChoice {
    /// Opens the device. Where a GPU was asked for and none works, that is told as a warning and the CPU is taken.
    ///
    /// # Errors
    /// [`ModelError::NoDevice`] when nothing that was compiled in can be used.
    pub(crate) fn open(self) -> Result<Device, ModelError> {
        match self {
            Self::Cpu => cpu(),
            Self::Auto => gpu(Adapters::Cards).or_else(|_| cpu()),
            Self::Gpu => gpu(Adapters::All).or_else(|reason| {
                let device = cpu().map_err(|_| ModelError::NoDevice {
                    reason: reason.clone(),
                })?;
                tracing::warn!("{reason}; the CPU is used instead");
                Ok(device)
            }),
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
fn cpu() -> Result<Device, ModelError> {
    Ok(Device::flex())
}

#[cfg(not(feature = "cpu"))]
fn cpu() -> Result<Device, ModelError> {
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
fn gpu(adapters: Adapters) -> Result<Device, String> {
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
    candidates
        .into_iter()
        .find(|device| catch_unwind(|| self_test::passes(device)).unwrap_or(false))
        .ok_or_else(|| "the GPU or its driver computes wrong numbers".to_owned())
}

#[cfg(not(feature = "gpu"))]
fn gpu(_: Adapters) -> Result<Device, String> {
    Err("this build has no GPU backend".to_owned())
}

/// Operations whose results are known: drivers that return wrong numbers exist.
#[cfg(feature = "gpu")]
mod self_test {
    use burn::tensor::activation::softmax;
    use burn::tensor::module::conv2d;
    use burn::tensor::ops::ConvOptions;
    use burn::tensor::{Device, Tensor, TensorData};

    const SIDE: usize = 12;

    /// Whether a matrix product, a softmax and a convolution come out right.
    pub(super) fn passes(device: &Device) -> bool {
        let tolerance = 2e-2;
        [matmul(device), softmax_rows(device), convolution(device)]
            .into_iter()
            .all(|(found, expected)| {
                found
                    .into_data()
                    .convert::<f32>()
                    .try_into_vec::<f32>()
                    .is_ok_and(|found| {
                        found.len() == expected.len()
                            && found
                                .iter()
                                .zip(&expected)
                                .all(|(a, b)| (a - b).abs() <= tolerance)
                    })
            })
    }

    /// Small values without a pattern in rows or columns.
    fn values() -> Vec<f32> {
        (0..SIDE * SIDE)
            .map(|i| ((i * i + 3 * i) % 17) as f32 / 17.0 - 0.5)
            .collect()
    }

    fn square(device: &Device) -> Tensor<2> {
        Tensor::from_data(TensorData::new(values(), [SIDE, SIDE]), device)
    }

    fn matmul(device: &Device) -> (Tensor<1>, Vec<f32>) {
        let v = values();
        let expected = (0..SIDE * SIDE)
            .map(|at| {
                (0..SIDE)
                    .map(|k| v[at / SIDE * SIDE + k] * v[k * SIDE + at % SIDE])
                    .sum()
            })
            .collect();
        (
            square(device).matmul(square(device)).reshape([-1]),
            expected,
        )
    }

    fn softmax_rows(device: &Device) -> (Tensor<1>, Vec<f32>) {
        let expected = values()
            .chunks_exact(SIDE)
            .flat_map(|row| {
                let sum: f32 = row.iter().map(|x| x.exp()).sum();
                row.iter().map(move |x| x.exp() / sum)
            })
            .collect();
        (softmax(square(device), 1).reshape([-1]), expected)
    }

    fn convolution(device: &Device) -> (Tensor<1>, Vec<f32>) {
        let out = SIDE - 2;
        let v = values();
        let expected = (0..out * out)
            .map(|at| {
                (0..9)
                    .map(|k| v[(at / out + k / 3) * SIDE + at % out + k % 3] * v[k])
                    .sum()
            })
            .collect();
        let kernel: Tensor<1> = Tensor::from_data(TensorData::new(v[..9].to_vec(), [9]), device);
        let found = conv2d(
            square(device).reshape([1, 1, SIDE as i32, SIDE as i32]),
            kernel.reshape([1, 1, 3, 3]),
            None,
            ConvOptions::new([1, 1], [0, 0], [1, 1], 1),
        );
        (found.reshape([-1]), expected)
    }

    #[cfg(feature = "cpu")]
    #[cfg(test)]
    mod tests {
        #[test]
        fn a_device_that_computes_passes() {
            assert!(super::passes(&super::Device::flex()));
        }
    }
}
