namespace Cilium.Policy.Tests.Compilation;

internal enum Verdict
{
    Allowed,
    DeniedByRule,
    DeniedByDefault,
}
