mock_provider "aws" {
  mock_resource "aws_cloudwatch_log_group" {
    defaults = {
      arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/cv-inference-dev/flow-logs"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::123456789012:role/cv-inference-dev-flow-logs"
    }
  }
}

override_data {
  target = data.aws_availability_zones.this
  values = {
    names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  }
}

override_data {
  target = data.aws_region.this
  values = {
    id = "eu-central-1"
  }
}

# OpenTofu gives all that is mocked of one kind the same id.
override_resource {
  target = aws_route_table.public
  values = {
    id = "rtb-public"
  }
}

variables {
  name                     = "cv-inference-dev"
  account_id               = "123456789012"
  permissions_boundary_arn = "arn:aws:iam::123456789012:policy/cv-inference-boundary"
}

run "has_a_public_and_a_private_subnet_in_each_of_three_zones" {
  command = plan

  assert {
    condition = { for zone, subnet in aws_subnet.private : zone => subnet.cidr_block } == {
      "eu-central-1a" = "10.0.0.0/20"
      "eu-central-1b" = "10.0.16.0/20"
      "eu-central-1c" = "10.0.32.0/20"
    }
    error_message = "The private subnets are others."
  }

  assert {
    condition = { for zone, subnet in aws_subnet.public : zone => subnet.cidr_block } == {
      "eu-central-1a" = "10.0.240.0/24"
      "eu-central-1b" = "10.0.241.0/24"
      "eu-central-1c" = "10.0.242.0/24"
    }
    error_message = "The public subnets are others."
  }
}

run "gives_no_machine_a_public_address" {
  command = plan

  assert {
    condition = alltrue([
      for subnet in concat(values(aws_subnet.private), values(aws_subnet.public)) : subnet.map_public_ip_on_launch == false
    ])
    error_message = "A subnet gives public addresses."
  }
}

run "private_subnets_reach_the_internet_by_nat_alone" {
  assert {
    condition = alltrue([
      for association in aws_route_table_association.private :
      association.route_table_id != aws_route_table.public.id
    ])
    error_message = "A private subnet has the public route table."
  }

  assert {
    condition     = alltrue([for route in aws_route.nat : route.gateway_id == null || route.gateway_id == ""])
    error_message = "A private subnet has a route to the internet gateway."
  }

  assert {
    condition     = length(distinct([for route in aws_route.nat : route.nat_gateway_id])) == 1
    error_message = "There is more than one NAT gateway, although one was asked for."
  }
}

run "nothing_comes_in_from_outside" {
  command = plan

  assert {
    condition = alltrue([
      for rule in [
        aws_vpc_security_group_ingress_rule.nodes_from_nodes,
        aws_vpc_security_group_ingress_rule.database_from_nodes,
        aws_vpc_security_group_ingress_rule.endpoints_from_nodes,
      ] : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && rule.prefix_list_id == null
    ])
    error_message = "A port is open to addresses."
  }

  assert {
    condition     = length(coalesce(aws_default_security_group.this.ingress, [])) == 0
    error_message = "The default security group lets something in."
  }
}

run "each_group_is_reached_from_nodes_alone_and_on_its_port" {
  assert {
    condition = [
      for rule in [
        aws_vpc_security_group_ingress_rule.nodes_from_nodes,
        aws_vpc_security_group_ingress_rule.database_from_nodes,
        aws_vpc_security_group_ingress_rule.endpoints_from_nodes,
      ] : "${rule.referenced_security_group_id} ${rule.ip_protocol} ${coalesce(rule.from_port, 0)}-${coalesce(rule.to_port, 0)}"
      ] == [
      "${aws_security_group.nodes.id} -1 0-0",
      "${aws_security_group.nodes.id} tcp 5432-5432",
      "${aws_security_group.nodes.id} tcp 443-443",
    ]
    error_message = "Somebody else talks to a group, or on another port."
  }
}

run "nodes_talk_https_to_the_internet_and_nothing_else" {
  command = plan

  assert {
    condition = [
      for rule in aws_vpc_security_group_egress_rule.nodes_to_internet : [rule.ip_protocol, rule.from_port, rule.to_port]
    ] == [["tcp", 443, 443]]
    error_message = "Nodes reach other ports of the internet."
  }

  assert {
    condition = alltrue([
      for rule in [
        aws_vpc_security_group_egress_rule.nodes_to_nodes,
        aws_vpc_security_group_egress_rule.nodes_to_database,
        aws_vpc_security_group_egress_rule.nodes_to_endpoints,
        aws_vpc_security_group_egress_rule.nodes_to_s3,
      ] : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null
    ])
    error_message = "Another rule lets nodes out."
  }
}

run "flow_logs_are_written_by_a_role_that_can_nothing_else" {
  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_flow_log.this.vpc_id == aws_vpc.this.id
    error_message = "Not all traffic is logged."
  }

  assert {
    condition     = aws_cloudwatch_log_group.flow_logs.retention_in_days == 30
    error_message = "Flow logs are kept for other than 30 days."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.flow_logs.policy).Statement == [{
      Sid      = "WriteFlowLogs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = ["arn:aws:logs:eu-central-1:123456789012:log-group:/cv-inference-dev/flow-logs:*"]
    }]
    error_message = "The role for flow logs may do something else."
  }

  assert {
    condition = (
      aws_iam_role.flow_logs.permissions_boundary == var.permissions_boundary_arn &&
      jsondecode(aws_iam_role.flow_logs.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
    )
    error_message = "The role for flow logs has no boundary, or may be taken by another account's flow logs."
  }
}

run "a_cluster_finds_private_subnets_for_nodes_and_public_ones_for_load_balancers" {
  command = plan

  variables {
    cluster_name = "cv-inference-dev"
  }

  assert {
    condition = alltrue([
      for subnet in aws_subnet.private :
      subnet.tags["karpenter.sh/discovery"] == "cv-inference-dev" && subnet.tags["kubernetes.io/role/internal-elb"] == "1"
    ]) && aws_security_group.nodes.tags["karpenter.sh/discovery"] == "cv-inference-dev"
    error_message = "Nodes are not found a place."
  }

  assert {
    condition = alltrue([
      for subnet in aws_subnet.public :
      subnet.tags["kubernetes.io/role/elb"] == "1" && !contains(keys(subnet.tags), "karpenter.sh/discovery")
    ])
    error_message = "Load balancers are not found a place, or nodes are found a public one."
  }
}

run "without_a_cluster_nothing_is_found" {
  command = plan

  assert {
    condition = alltrue([
      for tags in concat([for subnet in aws_subnet.private : subnet.tags], [for subnet in aws_subnet.public : subnet.tags], [aws_security_group.nodes.tags]) :
      length(tags) == 1 && tags["Name"] != ""
    ])
    error_message = "Something has the tags of a cluster."
  }
}

run "per_zone_has_a_nat_gateway_in_each" {
  variables {
    nat = "per_zone"
  }

  assert {
    condition = length(aws_nat_gateway.this) == 3 && alltrue([
      for zone, route in aws_route.nat : route.nat_gateway_id == aws_nat_gateway.this[zone].id
    ])
    error_message = "Zones share a NAT gateway."
  }

  assert {
    condition = alltrue([
      for zone, gateway in aws_nat_gateway.this : gateway.subnet_id == aws_subnet.public[zone].id
    ])
    error_message = "A NAT gateway is not in its zone's public subnet."
  }
}

run "none_has_endpoints_and_no_way_to_the_internet" {
  variables {
    nat = "none"
  }

  assert {
    condition = (
      length(aws_nat_gateway.this) == 0 && length(aws_eip.nat) == 0 && length(aws_route.nat) == 0 &&
      length(aws_vpc_security_group_egress_rule.nodes_to_internet) == 0
    )
    error_message = "There is a way to the internet."
  }

  assert {
    condition     = keys(aws_vpc_endpoint.interface) == ["ecr.api", "ecr.dkr", "logs", "secretsmanager", "sts"]
    error_message = "The endpoints are others."
  }

  assert {
    condition = alltrue([
      for endpoint in aws_vpc_endpoint.interface :
      endpoint.private_dns_enabled && endpoint.security_group_ids == toset([aws_security_group.endpoints.id])
    ])
    error_message = "An endpoint is not reached by its own name, or not from nodes alone."
  }

  assert {
    condition = alltrue([
      for endpoint in aws_vpc_endpoint.interface : endpoint.subnet_ids == toset([for subnet in aws_subnet.private : subnet.id])
    ])
    error_message = "A zone has no way to an endpoint."
  }

  assert {
    condition     = aws_vpc_endpoint.s3.route_table_ids == toset([for table in aws_route_table.private : table.id])
    error_message = "A private subnet has no way to S3."
  }
}

run "refuses_public_addresses" {
  command = plan

  variables {
    cidr = "8.8.0.0/16"
  }

  expect_failures = [var.cidr]
}

run "refuses_a_network_that_is_too_small" {
  command = plan

  variables {
    cidr = "10.0.0.0/24"
  }

  expect_failures = [var.cidr]
}

run "refuses_an_address_in_place_of_a_network" {
  command = plan

  variables {
    cidr = "10.0.0.1/16"
  }

  expect_failures = [var.cidr]
}

run "refuses_a_single_zone" {
  command = plan

  variables {
    zone_count = 1
  }

  expect_failures = [var.zone_count]
}

run "refuses_another_kind_of_nat" {
  command = plan

  variables {
    nat = "two"
  }

  expect_failures = [var.nat]
}

run "refuses_days_that_cloudwatch_does_not_know" {
  command = plan

  variables {
    flow_log_days = 31
  }

  expect_failures = [var.flow_log_days]
}

run "refuses_a_name_that_a_cluster_could_not_have" {
  command = plan

  variables {
    cluster_name = "CV inference"
  }

  expect_failures = [var.cluster_name]
}

run "refuses_wrong_names_and_ids" {
  command = plan

  variables {
    name                     = "-"
    account_id               = "12345"
    permissions_boundary_arn = "none"
  }

  expect_failures = [var.name, var.account_id, var.permissions_boundary_arn]
}
