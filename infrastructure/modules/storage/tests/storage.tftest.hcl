mock_provider "aws" {
  mock_resource "aws_kms_key" {
    defaults = {
      arn = "arn:aws:kms:eu-central-1:123456789012:key/one"
    }
  }
}

# What these promise by themselves is tested in their own folder.
override_module {
  target = module.models
  outputs = {
    name = "cv-inference-dev-models-123456789012"
    arn  = "arn:aws:s3:::models"
  }
}

override_module {
  target = module.data
  outputs = {
    name = "cv-inference-dev-data-123456789012"
    arn  = "arn:aws:s3:::data"
  }
}

variables {
  name       = "cv-inference-dev"
  account_id = "123456789012"
}

run "the_key_is_rotated_and_lost_slowly" {
  command = plan

  assert {
    condition     = aws_kms_key.this.enable_key_rotation
    error_message = "The key is not rotated."
  }

  assert {
    condition     = aws_kms_key.this.deletion_window_in_days == 30
    error_message = "A key that was deleted by mistake can be brought back for other than 30 days."
  }
}

run "the_service_reads_models_writes_captures_and_nothing_else" {
  assert {
    condition = { for statement in jsondecode(output.service_policy).Statement : statement.Sid => [statement.Action, statement.Resource] } == {
      ReadModels    = [["s3:GetObject"], ["arn:aws:s3:::models/models/*"]]
      WriteCaptures = [["s3:GetObject", "s3:PutObject"], ["arn:aws:s3:::data/captures/*"]]
      UseKey        = [["kms:Decrypt", "kms:GenerateDataKey"], ["arn:aws:kms:eu-central-1:123456789012:key/one"]]
    }
    error_message = "The service may do something else."
  }
}

run "release_writes_models_alone" {
  assert {
    condition = { for statement in jsondecode(output.release_policy).Statement : statement.Sid => [statement.Action, statement.Resource] } == {
      WriteModels = [["s3:GetObject", "s3:PutObject"], ["arn:aws:s3:::models/models/*"]]
      UseKey      = [["kms:Decrypt", "kms:GenerateDataKey"], ["arn:aws:kms:eu-central-1:123456789012:key/one"]]
    }
    error_message = "Whoever releases may do something else."
  }
}

run "training_reads_captures_and_writes_models" {
  assert {
    condition = { for statement in jsondecode(output.training_policy).Statement : statement.Sid => [statement.Action, statement.Resource] } == {
      WriteModels  = [["s3:GetObject", "s3:PutObject"], ["arn:aws:s3:::models/models/*"]]
      ReadCaptures = [["s3:GetObject"], ["arn:aws:s3:::data/captures/*"]]
      ListCaptures = [["s3:ListBucket"], ["arn:aws:s3:::data"]]
      UseKey       = [["kms:Decrypt", "kms:GenerateDataKey"], ["arn:aws:kms:eu-central-1:123456789012:key/one"]]
    }
    error_message = "Training may do something else."
  }

  assert {
    condition = [
      for statement in jsondecode(output.training_policy).Statement : statement.Condition.StringLike["s3:prefix"]
      if statement.Sid == "ListCaptures"
    ] == [["captures/*"]]
    error_message = "Training lists more than captures."
  }
}

run "addresses_are_those_of_the_settings" {
  assert {
    condition     = output.models_uri == "s3://cv-inference-dev-models-123456789012/models"
    error_message = "models_uri is ${output.models_uri}."
  }

  assert {
    condition     = output.captures_uri == "s3://cv-inference-dev-data-123456789012/captures"
    error_message = "captures_uri is ${output.captures_uri}."
  }
}

run "refuses_to_keep_captures_for_ever" {
  command = plan

  variables {
    capture_days = 3650
  }

  expect_failures = [var.capture_days]
}

run "refuses_an_account_that_is_none" {
  command = plan

  variables {
    account_id = "12345"
  }

  expect_failures = [var.account_id]
}

run "refuses_a_name_that_a_bucket_could_not_have" {
  command = plan

  variables {
    name = "CV inference"
  }

  expect_failures = [var.name]
}
