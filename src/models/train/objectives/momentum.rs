//! Momentum encoders (He et al. 2020; BLIP): slow copies of networks in training, whose opinions are steadier.

use std::collections::VecDeque;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

/// A copy that takes no gradients.
pub(crate) fn copy_of<M: Module>(online: &M) -> M {
    // Parameters are made when they are first read. A copy of one that is not made yet shares the making, and what is said to
    // the copy about gradients then holds for both.
    online.visit(&mut Collector::default());
    online.clone().no_grad()
}

/// Every parameter of `copy` moved towards that of `online`: `momentum * copy + (1 - momentum) * online`. The reference takes
/// 0.995.
///
/// # Panics
/// When `copy` has not the shape of `online`.
pub(crate) fn follow<M: Module>(copy: M, online: &M, momentum: f32) -> M {
    let mut targets = Collector::default();
    online.visit(&mut targets);
    copy.map(&mut Follower {
        targets: targets.0,
        momentum,
    })
}

/// Parameters in their order, flat: their ranks differ.
#[derive(Default)]
struct Collector(VecDeque<Tensor<1>>);

impl ModuleVisitor for Collector {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push_back(param.val().detach().flatten(0, D - 1));
    }
}

struct Follower {
    targets: VecDeque<Tensor<1>>,
    momentum: f32,
}

impl ModuleMapper for Follower {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let online = self.targets.pop_front();
        let online = online.expect("a copy has as many parameters as its original");
        param.map(|value| {
            let online = online.reshape(value.dims());
            value.detach() * self.momentum + online * (1.0 - self.momentum)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::golden::{alone, host};
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Device;

    #[derive(Debug, Module)]
    struct Two {
        first: Linear,
        second: Linear,
    }

    #[test]
    fn the_original_still_learns() {
        let _alone = alone();
        let device = Device::flex().autodiff();
        let online = LinearConfig::new(3, 2).init(&device);
        let copy = copy_of(&online);
        let x = Tensor::<2>::ones([1, 3], &device);
        let gradients = (online.forward(x.clone()) + copy.forward(x))
            .sum()
            .backward();
        assert!(online.weight.val().grad(&gradients).is_some());
        assert!(copy.weight.val().grad(&gradients).is_none());
    }

    #[test]
    fn every_parameter_goes_a_part_of_the_way_and_takes_no_gradient() {
        let _alone = alone();
        let device = Device::flex().autodiff();
        let two = || Two {
            first: LinearConfig::new(3, 2).init(&device),
            second: LinearConfig::new(2, 2).with_bias(false).init(&device),
        };
        let (start, online) = (copy_of(&two()), two());
        let moved = follow(start.clone(), &online, 0.75);
        for (part, name) in [
            (|two: &Two| host(two.first.weight.val()), "first.weight"),
            (|two: &Two| host(two.second.weight.val()), "second.weight"),
        ] as [(fn(&Two) -> Vec<f32>, &str); 2]
        {
            let (from, to, found) = (part(&start), part(&online), part(&moved));
            for ((from, to), found) in from.iter().zip(to).zip(found) {
                assert!((0.75 * from + 0.25 * to - found).abs() < 1e-6, "{name}");
            }
        }
        let x = Tensor::<2>::ones([1, 3], &device);
        let forward = |two: &Two| two.second.forward(two.first.forward(x.clone()));
        let gradients = (forward(&moved) + forward(&online)).sum().backward();
        assert!(moved.first.weight.val().grad(&gradients).is_none());
        assert!(online.first.weight.val().grad(&gradients).is_some());
    }
}
