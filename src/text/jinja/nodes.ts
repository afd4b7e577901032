/** The nodes that @huggingface/jinja's parser makes; the package gives them no types that can be imported. */
export type Node =
  | { type: 'Program'; body: Node[] }
  | { type: 'If'; test: Node; body: Node[]; alternate: Node[] }
  | { type: 'For'; loopvar: Node; iterable: Node; body: Node[]; defaultBlock: Node[] }
  | { type: 'Set'; assignee: Node; value: Node | null; body: Node[] }
  | MacroNode
  | { type: 'CallStatement'; call: CallNode; callerArgs: Node[] | null; body: Node[] }
  | { type: 'FilterStatement'; filter: FilterName; body: Node[] }
  | { type: 'Break' | 'Continue' }
  | { type: 'Comment'; value: string }
  | { type: 'StringLiteral'; value: string }
  | { type: 'IntegerLiteral' | 'FloatLiteral'; value: number }
  | { type: 'ArrayLiteral' | 'TupleLiteral'; value: Node[] }
  | { type: 'ObjectLiteral'; value: Map<Node, Node> }
  | IdentifierNode
  | MemberNode
  | CallNode
  | BinaryNode
  | { type: 'UnaryExpression'; operator: { value: string }; argument: Node }
  | FilterNode
  | TestNode
  | { type: 'SelectExpression'; lhs: Node; test: Node }
  | { type: 'Ternary'; condition: Node; trueExpr: Node; falseExpr: Node }
  | SliceNode
  | { type: 'KeywordArgumentExpression'; key: IdentifierNode; value: Node }
  | { type: 'SpreadExpression' | 'KeywordSpreadExpression'; argument: Node };

export type NodeOf<T extends Node['type']> = Extract<Node, { type: T }>;

export interface IdentifierNode {
  type: 'Identifier';
  value: string;
}
export interface MacroNode {
  type: 'Macro';
  name: IdentifierNode;
  args: Node[];
  body: Node[];
}
export interface MemberNode {
  type: 'MemberExpression';
  object: Node;
  property: Node;
  /** True for `a[b]`, false for `a.b`. */
  computed: boolean;
}
export interface CallNode {
  type: 'CallExpression';
  callee: Node;
  args: Node[];
}
export interface BinaryNode {
  type: 'BinaryExpression';
  operator: { value: string };
  left: Node;
  right: Node;
}
export interface FilterNode {
  type: 'FilterExpression';
  operand: Node;
  filter: FilterName;
}
export type FilterName = IdentifierNode | CallNode;
export interface TestNode {
  type: 'TestExpression';
  operand: Node;
  negate: boolean;
  test: IdentifierNode;
}
export interface SliceNode {
  type: 'SliceExpression';
  start?: Node;
  stop?: Node;
  step?: Node;
}
