"""The stages as a pipeline of Kubeflow: `python training/kubeflow/pipeline.py FILE.yaml` compiles it.

Each component calls a stage of the training image (TRAINING_HOME says where it lies there): none of its code is here.
The gate is a component that raises, so that what comes after it does not run and the run fails.
"""

import argparse
import os

from kfp import compiler, dsl

IMAGE = os.environ.get('TRAINING_IMAGE', 'ghcr.io/cv-inference/cv-inference-training:latest')


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def ingest(source: str, model: str, submission: str, data: dsl.Output[dsl.Dataset]) -> None:
    import os
    import sys

    sys.path.insert(0, os.environ['TRAINING_HOME'])
    from stages.step import run_step

    options = {'source': source, 'model': model, 'submission': submission}
    run_step('ingest', options, {}, {'data': data.path})


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def validate(
    champion: str,
    model: str,
    submission: str,
    data: dsl.Input[dsl.Dataset],
    validation: dsl.Output[dsl.Artifact],
) -> None:
    import os
    import sys

    sys.path.insert(0, os.environ['TRAINING_HOME'])
    from stages.step import run_step

    options = {'champion': champion, 'model': model, 'submission': submission}
    run_step('validate', options, {'data': data.path}, {'validation': validation.path})


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train(
    champion: str,
    model: str,
    submission: str,
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

    told = {'champion': champion, 'model': model, 'submission': submission}
    options = {**told, 'samples': samples, 'epochs': epochs}
    inputs = {'data': data.path, 'validation': validation.path}
    run_step('train', options, inputs, {'challenger': challenger.path, 'training': training.path})


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate(
    champion: str,
    model: str,
    submission: str,
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
    options = {'champion': champion, 'model': model, 'submission': submission}
    run_step('evaluate', options, inputs, {'verdict': verdict.path})


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def record(
    model: str,
    submission: str,
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
    inputs = {name: each.path for name, each in made.items()}
    run_step('record', {'model': model, 'submission': submission}, inputs, {})


@dsl.pipeline(name='retrain')
def retrain(
    source: str,
    submission: str = '',
    champion: str = 'models:/digits@champion',
    model: str = 'digits',
    samples: int = 20000,
    epochs: int = 3,
) -> None:
    """Captured images to a challenger that passed, recorded in MLflow, from where `loop.py fetch` takes it.

    MLFLOW_TRACKING_URI and credentials are the image's or pod's.
    """
    own = {'model': model, 'submission': submission}
    told = {**own, 'champion': champion}
    data = ingest(source=source, **own).outputs['data']
    validation = validate(data=data, **told).outputs['validation']
    trained = train(samples=samples, epochs=epochs, data=data, validation=validation, **told).outputs
    made = {
        'data': data,
        'validation': validation,
        'challenger': trained['challenger'],
        'training': trained['training'],
    }
    verdict = evaluate(**told, **made).outputs['verdict']
    record(verdict=verdict, **own, **made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('file', help='where the compiled pipeline goes')
    compiler.Compiler().compile(retrain, parser.parse_args().file)


if __name__ == '__main__':
    main()
