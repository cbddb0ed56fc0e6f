"""Which scope each name of a module belongs to: module, class or function, as Python resolves it. No renaming here.

Only what the house writes is known: no `match`, no `type`; a comprehension is a scope of its own, as in MicroPython.
"""

import ast

MODULE, CLASS, FUNCTION = "module", "class", "function"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Scope:
    """One scope: its `kind`, the `node` that opens it, its `parent`, the names `bound` in it, those declared elsewhere."""

    def __init__(self, kind, node, parent):
        self.kind, self.node, self.parent = kind, node, parent
        self.bound, self.outside = set(), set()  # outside: `global` and `nonlocal`

    def home(self, name):
        """The Scope that `name` means here; the module's when nobody binds it: then it is that of a builtin."""
        scope = self
        while scope.parent:
            if name in scope.bound and name not in scope.outside and (scope is self or scope.kind != CLASS):
                return scope
            scope = scope.parent
        return scope

    @property
    def enclosing_class(self):
        """The Scope of the class around it, itself included; None where there is none."""
        scope = self
        while scope and scope.kind != CLASS:
            scope = scope.parent
        return scope


class Place:
    """One name at one place: `node` and the `field` of it that holds the name (and `index` in a list), in `scope`."""

    def __init__(self, node, field, scope, index=None):
        self.node, self.field, self.scope, self.index = node, field, scope, index
        self.short = None  # the name that it is about to get

    @property
    def name(self):
        """The name as it is written there now."""
        value = getattr(self.node, self.field)
        return value if self.index is None else value[self.index]

    @name.setter
    def name(self, name):
        if self.index is None:
            setattr(self.node, self.field, name)
        else:
            getattr(self.node, self.field)[self.index] = name


class Map(ast.NodeVisitor):
    """The `places` of all bare names in a module's `tree`, its `scopes`, and `imports`: pairs (node, scope). No attributes."""

    def __init__(self, tree):
        self.module = self._scope = Scope(MODULE, tree, None)
        self.scopes = [self.module]
        self.places, self.imports = [], []
        self.visit(tree)

    def _place(self, node, field, scope=None, index=None, binds=False):
        scope = scope or self._scope
        self.places.append(Place(node, field, scope, index))
        if binds:
            scope.bound.add(self.places[-1].name)

    def _inside(self, kind, node, parts):
        outer, self._scope = self._scope, Scope(kind, node, self._scope)
        self.scopes.append(self._scope)
        for part in parts:
            self.visit(part)
        self._scope = outer

    def visit_Name(self, node):
        """A bare name."""
        self._place(node, "id", binds=not isinstance(node.ctx, ast.Load))

    def visit_NamedExpr(self, node):
        """A walrus binds outside of comprehensions."""
        scope = self._scope
        while isinstance(scope.node, _COMPREHENSIONS):
            scope = scope.parent
        self._place(node.target, "id", scope, binds=True)
        self.visit(node.value)

    def _visit_function(self, node):
        arguments = node.args
        outer = [*arguments.defaults, *filter(None, arguments.kw_defaults), *_annotations(arguments)]
        for each in [*getattr(node, "decorator_list", ()), *outer, *filter(None, [getattr(node, "returns", None)])]:
            self.visit(each)
        if not isinstance(node, ast.Lambda):
            self._place(node, "name", binds=True)
        body = node.body if isinstance(node.body, list) else [node.body]
        self._inside(FUNCTION, node, [*arguments_of(node), *body])

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = _visit_function

    def visit_arg(self, node):
        """A parameter; its annotation was visited outside."""
        self._place(node, "arg", binds=True)

    def visit_ClassDef(self, node):
        """A class."""
        for each in [*node.decorator_list, *node.bases, *node.keywords]:
            self.visit(each)
        self._place(node, "name", binds=True)
        self._inside(CLASS, node, node.body)

    def _visit_comprehension(self, node):
        values = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self.visit(node.generators[0].iter)
        rest = [part for one in node.generators for part in (one.target, *one.ifs)]
        self._inside(FUNCTION, node, [*rest, *(one.iter for one in node.generators[1:]), *values])

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _visit_comprehension

    def visit_Global(self, node):
        """`global` or `nonlocal`."""
        for index, name in enumerate(node.names):
            self._scope.outside.add(name)
            self._place(node, "names", index=index)

    visit_Nonlocal = visit_Global

    def visit_ExceptHandler(self, node):
        """`except … as name`."""
        if node.name:
            self._place(node, "name", binds=True)
        self.generic_visit(node)

    def visit_ImportFrom(self, node):
        """What is imported is bound here by its alias or by its name; both are places of the renaming, not ours."""
        self.imports.append((node, self._scope))
        for alias in node.names:
            self._scope.bound.add(alias.asname or alias.name.partition(".")[0])

    visit_Import = visit_ImportFrom


def arguments_of(node):
    """The ast.arg of a function, in order."""
    given = node.args
    extra = [each for each in (given.vararg, given.kwarg) if each]
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *extra]


def _annotations(arguments):
    extra = [each for each in (arguments.vararg, arguments.kwarg) if each]
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra]
    return [each.annotation for each in every if each.annotation]
