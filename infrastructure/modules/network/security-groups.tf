# Who may talk to whom. Nothing comes in from outside the VPC.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-default-unused" }
}

resource "aws_security_group" "nodes" {
  #checkov:skip=CKV2_AWS_5:For the machines of a cluster: modules/eks has it, or one that is brought along

  name        = "${var.name}-nodes"
  description = "Machines of the cluster"
  vpc_id      = aws_vpc.this.id

  tags = merge({ Name = "${var.name}-nodes" }, local.of_cluster)
}

resource "aws_security_group" "database" {
  #checkov:skip=CKV2_AWS_5:modules/mlflow has it

  name        = "${var.name}-database"
  description = "MLflow's database"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-database" }
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "Interface endpoints of AWS services"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.name}-endpoints" }
}

resource "aws_vpc_security_group_ingress_rule" "nodes_from_nodes" {
  #checkov:skip=CKV_AWS_23:Its tag Name says what it is for; descriptions are not given back by the simulated AWS

  security_group_id            = aws_security_group.nodes.id
  ip_protocol                  = "-1"
  referenced_security_group_id = aws_security_group.nodes.id

  tags = { Name = "Nodes and pods among each other" }
}

resource "aws_vpc_security_group_ingress_rule" "database_from_nodes" {
  #checkov:skip=CKV_AWS_23:Its tag Name says what it is for; descriptions are not given back by the simulated AWS

  security_group_id            = aws_security_group.database.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  referenced_security_group_id = aws_security_group.nodes.id

  tags = { Name = "PostgreSQL from the cluster" }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_from_nodes" {
  #checkov:skip=CKV_AWS_23:Its tag Name says what it is for; descriptions are not given back by the simulated AWS

  security_group_id            = aws_security_group.endpoints.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.nodes.id

  tags = { Name = "HTTPS from the cluster" }
}

resource "aws_vpc_security_group_egress_rule" "nodes_to_nodes" {
  #checkov:skip=CKV_AWS_23:Its tag Name says what it is for; descriptions are not given back by the simulated AWS

  security_group_id            = aws_security_group.nodes.id
  ip_protocol                  = "-1"
  referenced_security_group_id = aws_security_group.nodes.id

  tags = { Name = "Nodes and pods among each other" }
}

resource "aws_vpc_security_group_egress_rule" "nodes_to_database" {
  #checkov:skip=CKV_AWS_23:Its tag Name says what it is for; descriptions are not given back by the simulated AWS

  security_group_id            = aws_security_group.nodes.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  referenced_security_group_id = aws_security_group.database.id

  tags = { Name = "PostgreSQL" }
}

resource "aws_vpc_security_group_egress_rule" "nodes_to_endpoints" {
  #checkov:skip=CKV_AWS_23:Its tag Name says what it is for; descriptions are not given back by the simulated AWS

  security_group_id            = aws_security_group.nodes.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.endpoints.id

  tags = { Name = "AWS by interface endpoints" }
}

resource "aws_vpc_security_group_egress_rule" "nodes_to_s3" {
  #checkov:skip=CKV_AWS_23:Its tag Name says what it is for; descriptions are not given back by the simulated AWS

  security_group_id = aws_security_group.nodes.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id

  tags = { Name = "S3 by its gateway endpoint" }
}

# Images, Git, alerts: HTTPS and nothing else.
resource "aws_vpc_security_group_egress_rule" "nodes_to_internet" {
  #checkov:skip=CKV_AWS_23:Its tag Name says what it is for; descriptions are not given back by the simulated AWS

  count = var.nat == "none" ? 0 : 1

  security_group_id = aws_security_group.nodes.id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"

  tags = { Name = "HTTPS to the internet" }
}
