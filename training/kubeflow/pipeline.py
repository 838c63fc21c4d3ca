"""The stages as a pipeline of Kubeflow: `python training/kubeflow/pipeline.py FILE.yaml` compiles it.

Each component calls a stage of the training image (TRAINING_HOME says where it lies there): none of its code is here.
The gate is a component that raises, so that what comes after it does not run and the run fails.
"""

import argparse
import os

from kfp import compiler, dsl

IMAGE = os.environ.get('TRAINING_IMAGE', 'ghcr.io/cv-inference/cv-inference-training:latest')


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def ingest(source: str, model: str, data: dsl.Output[dsl.Dataset]) -> None:
    import os
    import sys

    sys.path.insert(0, os.environ['TRAINING_HOME'])
    from stages.step import run_step

    run_step('ingest', {'source': source, 'model': model}, {}, {'data': data.path})


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def validate(champion: str, data: dsl.Input[dsl.Dataset], validation: dsl.Output[dsl.Artifact]) -> None:
    import os
    import sys

    sys.path.insert(0, os.environ['TRAINING_HOME'])
    from stages.step import run_step

    run_step('validate', {'champion': champion}, {'data': data.path}, {'validation': validation.path})


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train(
    champion: str,
    samples: int,
    epochs: int,
    data: dsl.Input[dsl.Dataset],
    validation: dsl.Input[dsl.Artifact],
    challenger: dsl.Output[dsl.Model],
    training: dsl.Output[dsl.Artifact],
) -> None:
    import os
    import sys

    sys.path.insert(0, os.environ['TRAINING_HOME'])
    from stages.step import run_step

    options = {'champion': champion, 'samples': samples, 'epochs': epochs}
    inputs = {'data': data.path, 'validation': validation.path}
    run_step('train', options, inputs, {'challenger': challenger.path, 'training': training.path})


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate(
    champion: str,
    model: str,
    data: dsl.Input[dsl.Dataset],
    validation: dsl.Input[dsl.Artifact],
    challenger: dsl.Input[dsl.Model],
    training: dsl.Input[dsl.Artifact],
    verdict: dsl.Output[dsl.Artifact],
) -> None:
    import os
    import sys

    sys.path.insert(0, os.environ['TRAINING_HOME'])
    from stages.step import run_step

    made = {'data': data, 'validation': validation, 'challenger': challenger, 'training': training}
    inputs = {name: each.path for name, each in made.items()}
    run_step('evaluate', {'champion': champion, 'model': model}, inputs, {'verdict': verdict.path})


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def record(
    model: str,
    data: dsl.Input[dsl.Dataset],
    validation: dsl.Input[dsl.Artifact],
    challenger: dsl.Input[dsl.Model],
    training: dsl.Input[dsl.Artifact],
    verdict: dsl.Input[dsl.Artifact],
) -> None:
    import os
    import sys

    sys.path.insert(0, os.environ['TRAINING_HOME'])
    from stages.step import run_step

    made = {'data': data, 'validation': validation, 'challenger': challenger, 'training': training, 'verdict': verdict}
    run_step('record', {'model': model}, {name: each.path for name, each in made.items()}, {})


@dsl.pipeline(name='retrain')
def retrain(
    source: str, champion: str = 'models:/digits@champion', model: str = 'digits', samples: int = 20000, epochs: int = 3
) -> None:
    """Captured images to a challenger that passed, recorded in MLflow, from where `loop.py fetch` takes it.

    MLFLOW_TRACKING_URI and credentials are the image's or pod's.
    """
    data = ingest(source=source, model=model).outputs['data']
    validation = validate(champion=champion, data=data).outputs['validation']
    trained = train(champion=champion, samples=samples, epochs=epochs, data=data, validation=validation).outputs
    made = {
        'data': data,
        'validation': validation,
        'challenger': trained['challenger'],
        'training': trained['training'],
    }
    verdict = evaluate(champion=champion, model=model, **made).outputs['verdict']
    record(model=model, verdict=verdict, **made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('file', help='where the compiled pipeline goes')
    compiler.Compiler().compile(retrain, parser.parse_args().file)


if __name__ == '__main__':
    main()
