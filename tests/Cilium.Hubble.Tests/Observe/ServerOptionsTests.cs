using System.CommandLine;
using Cilium.Hosts.Hubble;

namespace Cilium.Hubble.Tests.Observe;

public sealed class ServerOptionsTests
{
    [Theory]
    [InlineData("", null, false)]
    [InlineData("", "", false)]
    [InlineData("", "1", true)]
    [InlineData("", "TRUE", true)]
    [InlineData("", "true", true)]
    [InlineData("", "0", false)]
    [InlineData("", "False", false)]
    [InlineData("--tls", null, true)]
    [InlineData("--tls", "false", true)]
    [InlineData("--tls=false", "true", false)]
    [InlineData("--tls=false", "nonsense", false)]
    public void A_switch_is_what_the_command_line_says_or_else_what_is_configured(string arguments, string? configured, bool expected)
    {
        var option = new Option<bool>("--tls");
        Assert.Equal(expected, ServerOptions.IsSet(new RootCommand { option }.Parse(arguments, null), option, "tls", configured));
    }

    [Fact]
    public void A_configured_word_that_is_neither_is_named()
    {
        var option = new Option<bool>("--tls");
        var exception = Assert.Throws<FormatException>(() => ServerOptions.IsSet(new RootCommand { option }.Parse("", null), option, "tls", "yes"));
        Assert.Equal("tls: 'yes' is neither true nor false", exception.Message);
    }
}
