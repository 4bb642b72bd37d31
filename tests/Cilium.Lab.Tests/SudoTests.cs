using Cilium.Lab.Running;

namespace Cilium.Lab.Tests;

public sealed class SudoTests
{
    [Theory]
    [InlineData("1000", "100", "1000:100")]
    [InlineData("0", "0", null)]
    [InlineData(null, null, null)]
    [InlineData("1000", null, null)]
    [InlineData("-1", "100", null)]
    [InlineData("root", "100", null)]
    public void The_caller_is_who_called_sudo_and_not_root(string? user, string? group, string? caller) =>
        Assert.Equal(caller, Sudo.CallerOrNull(name => name == "SUDO_UID" ? user : group));
}
