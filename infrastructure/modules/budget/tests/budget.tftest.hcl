mock_provider "aws" {}

variables {
  name      = "cv-inference"
  limit_usd = 1300
  emails    = ["platform@example.com"]
}

run "it_tells_before_and_when_the_money_is_spent" {
  command = plan

  assert {
    condition = {
      for one in aws_budgets_budget.this.notification : "${one.notification_type} ${one.threshold}${one.threshold_type == "PERCENTAGE" ? " %" : ""}" => one.comparison_operator
    } == { "ACTUAL 80 %" = "GREATER_THAN", "ACTUAL 100 %" = "GREATER_THAN", "FORECASTED 100 %" = "GREATER_THAN" }
    error_message = "It tells of something else."
  }

  assert {
    condition     = alltrue([for one in aws_budgets_budget.this.notification : one.subscriber_email_addresses == toset(["platform@example.com"]) && length(one.subscriber_sns_topic_arns) == 0])
    error_message = "It tells somebody else."
  }
}

run "it_is_a_month_of_the_whole_account_without_vouchers" {
  command = plan

  assert {
    condition     = aws_budgets_budget.this.time_unit == "MONTHLY" && aws_budgets_budget.this.limit_amount == "1300" && aws_budgets_budget.this.limit_unit == "USD"
    error_message = "The limit is ${aws_budgets_budget.this.limit_amount} ${aws_budgets_budget.this.limit_unit}."
  }

  assert {
    condition     = length(aws_budgets_budget.this.cost_filter) == 0
    error_message = "A part of the costs is left out."
  }

  assert {
    condition     = !aws_budgets_budget.this.cost_types[0].include_credit && !aws_budgets_budget.this.cost_types[0].include_refund
    error_message = "Vouchers hide costs."
  }
}

run "a_topic_is_told_too" {
  command = plan

  variables {
    topic_arn = "arn:aws:sns:eu-central-1:123456789012:costs"
  }

  assert {
    condition     = alltrue([for one in aws_budgets_budget.this.notification : one.subscriber_sns_topic_arns == toset([var.topic_arn])])
    error_message = "The topic is not told."
  }
}

run "refuses_to_tell_nobody" {
  command = plan

  variables {
    emails = []
  }

  expect_failures = [var.emails]
}

run "refuses_what_is_no_address" {
  command = plan

  variables {
    emails = ["platform"]
  }

  expect_failures = [var.emails]
}

run "refuses_a_queue" {
  command = plan

  variables {
    topic_arn = "arn:aws:sqs:eu-central-1:123456789012:costs"
  }

  expect_failures = [var.topic_arn]
}

run "refuses_nothing_as_a_limit" {
  command = plan

  variables {
    limit_usd = 0
  }

  expect_failures = [var.limit_usd]
}

run "refuses_a_wrong_name" {
  command = plan

  variables {
    name = "-"
  }

  expect_failures = [var.name]
}
