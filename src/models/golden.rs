//! Reference numbers for the parity tests: a safetensors file, its tensors by name and shape, and the comparison.

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors};

use super::device::{DeviceChoice, is_cpu};

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

    /// `found` has the shape of `key`, and every element is at most `tolerance` away from it.
    #[track_caller]
    pub(crate) fn assert_close<const D: usize>(&self, found: Tensor<D>, key: &str, tolerance: f32) {
        let expected = self.f32(key);
        assert_eq!(found.dims().as_slice(), expected.shape, "shape of {key}");
        assert_close(&host(found), &expected.values, tolerance, key);
    }
}

/// Where parity is tested: the CPU, or what `IMGSEARCH_TEST_DEVICE` names (`gpu`). A GPU that does not work fails the test.
pub(crate) fn device() -> Device {
    match std::env::var("IMGSEARCH_TEST_DEVICE").as_deref() {
        Ok("gpu") => {
            let device = DeviceChoice::Gpu.open().expect("a device");
            assert!(!is_cpu(&device), "no GPU works, software ones included");
            device
        }
        _ => DeviceChoice::Cpu.open().expect("a CPU backend"),
    }
}

/// [`device`], and one on which the networks that know how to compute on plain memory use burn's operations all the same.
pub(crate) fn devices() -> Vec<Device> {
    let device = device();
    #[cfg(feature = "train")]
    if crate::models::device::is_cpu(&device) {
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
