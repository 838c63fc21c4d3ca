// Prints the calls of a Jenkinsfile, read from stdin, as JSON: {name, line, args, body}. Reads it with the parser that Jenkins has; what is no
// Groovy fails here, with the line.
import groovy.json.JsonOutput
import org.codehaus.groovy.ast.builder.AstBuilder
import org.codehaus.groovy.ast.expr.*
import org.codehaus.groovy.ast.stmt.*
import org.codehaus.groovy.control.CompilePhase

def value
def statements
def call

value = { Expression e ->
  switch (e) {
    case ConstantExpression: return e.value
    case GStringExpression: return [text: e.verbatimText]
    case ListExpression: return e.expressions.collect(value)
    case MapExpression: return e.mapEntryExpressions.collectEntries { [(it.keyExpression.text): value(it.valueExpression)] }
    case MethodCallExpression: return call(e)
    default: return [text: e.text]
  }
}

call = { MethodCallExpression e ->
  def given = e.arguments instanceof TupleExpression ? e.arguments.expressions : [e.arguments]
  def closures = given.findAll { it instanceof ClosureExpression }
  def result = [name: e.methodAsString, line: e.lineNumber, args: (given - closures).collect(value)]
  if (closures) result.body = statements(closures.last().code)
  return result
}

statements = { Statement code ->
  code.statements.collect { Statement s ->
    def e = s instanceof ExpressionStatement || s instanceof ReturnStatement ? s.expression : null
    if (e instanceof MethodCallExpression) return call(e)
    if (e instanceof BinaryExpression && e.operation.text == '=') {
      return [name: e.leftExpression.text, line: e.lineNumber, args: [value(e.rightExpression)], assigned: true]
    }
    return [name: '', line: s.lineNumber, args: [], text: s.text]
  }
}

def ast = new AstBuilder().buildFromString(CompilePhase.CONVERSION, false, System.in.getText('UTF-8'))
println JsonOutput.toJson(statements(ast.first()))
