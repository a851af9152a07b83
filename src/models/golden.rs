//! Reference numbers for the parity tests: a safetensors file, its tensors by name and shape, and the comparison.

use burn::tensor::{DType, Device, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors};

use super::device::{Compute, DeviceChoice, Precision, is_cpu};
use super::tensors::TensorSource;
use super::weights::{Layout, Weights};

/// The numbers of one file. Everything panics with a sentence: it is for tests only.
pub(crate) struct Golden<'a> {
    tensors: SafeTensors<'a>,
}

/// One tensor: its elements in C order, and its shape.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array<T> {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<T>,
}

impl<'a> Golden<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Self {
        let tensors = SafeTensors::deserialize(bytes).expect("golden file");
        Self { tensors }
    }

    fn read<T, const N: usize>(&self, key: &str, dtype: Dtype, from: fn([u8; N]) -> T) -> Array<T> {
        let Ok(view) = self.tensors.tensor(key) else {
            panic!("no golden tensor `{key}`")
        };
        assert_eq!(view.dtype(), dtype, "{key}");
        let (elements, _) = view.data().as_chunks::<N>();
        Array {
            shape: view.shape().to_vec(),
            values: elements.iter().copied().map(from).collect(),
        }
    }

    /// Names of all tensors.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.tensors.names()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.tensors.tensor(key).is_ok()
    }

    pub(crate) fn f32(&self, key: &str) -> Array<f32> {
        self.read(key, Dtype::F32, f32::from_le_bytes)
    }

    pub(crate) fn i64(&self, key: &str) -> Array<i64> {
        self.read(key, Dtype::I64, i64::from_le_bytes)
    }

    pub(crate) fn u8(&self, key: &str) -> Array<u8> {
        self.read(key, Dtype::U8, u8::from_le_bytes)
    }

    pub(crate) fn i8(&self, key: &str) -> Array<i8> {
        self.read(key, Dtype::I8, i8::from_le_bytes)
    }

    /// `key` as a tensor of `D` dimensions.
    pub(crate) fn tensor<const D: usize>(&self, key: &str, device: &Device) -> Tensor<D> {
        let Array { shape, values } = self.f32(key);
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// `found` has the shape of `key`, and every element is at most `tolerance` away from it: in f32, or else
    /// [`tolerance_in_half`].
    #[track_caller]
    pub(crate) fn assert_close<const D: usize>(&self, found: Tensor<D>, key: &str, tolerance: f32) {
        let expected = self.f32(key);
        assert_eq!(found.dims().as_slice(), expected.shape, "shape of {key}");
        let tolerance = match found.dtype() {
            DType::F16 => tolerance_in_half(&expected.values),
            _ => tolerance,
        };
        assert_close(&host(found), &expected.values, tolerance, key);
    }
}

/// What a network that rounds to f16 may be away from numbers in f32: [`ROUNDINGS`] roundings of the largest of them. Errors
/// of an activation come from all those that it is made of, so small numbers have the errors of large ones. The reduced
/// networks round about 30 times from end to end; most errors cancel, and 9 roundings are the most that were found.
pub(crate) fn tolerance_in_half(expected: &[f32]) -> f32 {
    /// The unit roundoff of f16, whose significand has 11 bits.
    const ROUNDOFF: f32 = 1.0 / 2048.0;
    const ROUNDINGS: f32 = 16.0;
    let largest = expected.iter().fold(0.0, |m: f32, x| m.max(x.abs()));
    ROUNDINGS * ROUNDOFF * largest
}

/// `tolerance`, or in f16 [`tolerance_in_half`] of the expected numbers.
pub(crate) fn tolerance(tolerance: f32, expected: &[f32]) -> f32 {
    match precision() {
        Precision::F32 => tolerance,
        Precision::F16 => tolerance_in_half(expected),
    }
}

/// In which precision parity is tested: f32, or what `IMGSEARCH_TEST_PRECISION` names (`f16`).
pub(crate) fn precision() -> Precision {
    match std::env::var("IMGSEARCH_TEST_PRECISION").as_deref() {
        Ok("f16") => Precision::F16,
        _ => Precision::F32,
    }
}

/// Held by whoever draws from burn's random numbers: they belong to the process, and tests run side by side.
pub(crate) fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Weights as PyTorch lays them out, in the precision that is tested.
pub(crate) fn weights<'a>(source: impl TensorSource + 'a) -> Weights<'a> {
    Weights::new(source, Layout::Torch).in_precision(precision())
}

/// Where parity is tested: the CPU, or what `IMGSEARCH_TEST_DEVICE` names (`gpu`). A GPU that does not work, or not in the
/// precision that is tested, fails the test. The CPU computes in f16 only with burn's operations.
pub(crate) fn device() -> Device {
    match std::env::var("IMGSEARCH_TEST_DEVICE").as_deref() {
        Ok("gpu") => {
            let compute = Compute {
                device: DeviceChoice::Gpu,
                precision: precision(),
            };
            let place = compute.open().expect("a device");
            assert!(
                !is_cpu(&place.device),
                "no GPU works, software ones included"
            );
            assert_eq!(place.precision, precision(), "what the GPU computes in");
            place.device
        }
        #[cfg(feature = "train")]
        _ if precision() == Precision::F16 => Device::flex().autodiff(),
        _ => DeviceChoice::Cpu.open().expect("a CPU backend"),
    }
}

/// Where layers can be tested in f16 whatever else is: the GPU that is tested, or the CPU with burn's operations.
#[cfg(feature = "train")]
pub(crate) fn half_device() -> Device {
    let device = device();
    if is_cpu(&device) {
        device.autodiff()
    } else {
        device
    }
}

/// [`device`], and one on which the networks that know how to compute on plain memory use burn's operations all the same.
pub(crate) fn devices() -> Vec<Device> {
    let device = device();
    #[cfg(feature = "train")]
    if is_cpu(&device) && precision() == Precision::F32 {
        return vec![device.clone(), device.autodiff()];
    }
    vec![device]
}

/// Elements of a tensor in C order.
pub(crate) fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = tensor.into_data().convert::<f32>();
    data.try_into_vec::<f32>().expect("f32")
}

/// Every element of `found` is at most `tolerance` away from `expected`.
#[track_caller]
pub(crate) fn assert_close(found: &[f32], expected: &[f32], tolerance: f32, name: &str) {
    assert_eq!(found.len(), expected.len(), "elements of {name}");
    // NaN must lose: it compares as neither greater nor smaller.
    let distance = |index: usize| match (found[index] - expected[index]).abs() {
        d if d.is_nan() && found[index] != expected[index] => f32::INFINITY,
        d if d.is_nan() => 0.0,
        d => d,
    };
    let worst = (0..found.len()).max_by(|a, b| distance(*a).total_cmp(&distance(*b)));
    let Some(worst) = worst else { return };
    let beyond = (0..found.len())
        .filter(|index| distance(*index) > tolerance)
        .count();
    assert!(
        beyond == 0,
        "{name}: {beyond} of {} elements differ by more than {tolerance:e}; most at {worst}: {} where {} is expected, {:e} apart",
        found.len(),
        found[worst],
        expected[worst],
        distance(worst),
    );
}

mod tests {
    use super::*;

    fn message(found: &[f32], tolerance: f32) -> Option<String> {
        std::panic::catch_unwind(|| assert_close(found, &[1.0, 2.0, 3.0], tolerance, "x"))
            .err()
            .map(|panic| *panic.downcast::<String>().unwrap())
    }

    #[test]
    fn the_worst_element_is_named() {
        assert_eq!(message(&[1.0, 2.0, 3.0], 0.0), None);
        assert_eq!(message(&[1.0, 2.25, 3.5], 0.5), None);
        let text = message(&[1.0, 2.25, 3.5], 0.1).unwrap();
        assert!(
            text.starts_with("x: 2 of 3") && text.contains("at 2: 3.5 where 3 is expected"),
            "{text}"
        );
        assert!(message(&[1.0, f32::NAN, 3.0], 1e9).is_some());
        assert!(message(&[1.0, 2.0], 1e9).is_some());
    }

    #[test]
    fn tensors_come_by_type_and_shape() {
        let device = Device::flex();
        let views = [
            (
                "f",
                Dtype::F32,
                vec![2, 1],
                [1.0f32, -2.0].map(f32::to_le_bytes).concat(),
            ),
            ("i", Dtype::I64, vec![1], 7i64.to_le_bytes().to_vec()),
            ("u", Dtype::U8, vec![1], vec![200]),
            ("s", Dtype::I8, vec![1], vec![0x9c]),
        ]
        .map(|(key, dtype, shape, bytes)| (key, (dtype, shape, bytes)));
        let views = views.iter().map(|(key, (dtype, shape, bytes))| {
            (
                *key,
                safetensors::tensor::TensorView::new(*dtype, shape.clone(), bytes).unwrap(),
            )
        });
        let file = safetensors::serialize(views, None).unwrap();
        let golden = Golden::parse(&file);
        assert_eq!(golden.f32("f").shape, [2, 1]);
        assert_eq!(golden.i64("i").values, [7]);
        assert_eq!(golden.u8("u").values, [200]);
        assert_eq!(golden.i8("s").values, [-100]);
        let tensor = golden.tensor::<2>("f", &device);
        golden.assert_close(tensor, "f", 0.0);
    }
}
