using System.Collections;
using Cilium.ControlPlane.Configuration;
using Cilium.ControlPlane.Operator;
using FsCheck.Xunit;

namespace Cilium.ControlPlane.Tests.Configuration;

public sealed class OptionSchemaTests
{
    [Fact]
    public void Flags_win_over_variables_and_those_over_files()
    {
        using var directory = new ConfigDirectory(("cluster-pool-ipv4-cidr", "10.1.0.0/16 10.2.0.0/16\n"), ("cluster-pool-ipv4-mask-size", "25"), ("enable-ipv6", "false"));
        var options = Bind(
            directory.Path,
            new Hashtable { ["CILIUM_CLUSTER_POOL_IPV4_MASK_SIZE"] = "26", ["CILIUM_DEBUG"] = "true" },
            ("cluster-pool-ipv4-mask-size", "27"));
        Assert.Equal(27, options.ClusterPoolIPv4MaskSize);
        Assert.Equal(2, options.ClusterPoolIPv4Cidrs.Count);
        Assert.False(options.EnableIPv6);
        Assert.True(options.Debug);
    }

    [Fact]
    public void All_errors_come_in_one_message_that_names_key_value_and_origin()
    {
        using var directory = new ConfigDirectory(("identity-gc-interval", "soon"), ("ipam", "magic"), ("enable-ipv6", "perhaps"), ("cluster-pool-ipv4-mask-size", "99"));
        var failure = Assert.Throws<ConfigurationException>(() => Bind(directory.Path, new Hashtable()));
        Assert.Equal(4, failure.Errors.Count);
        Assert.Contains($"identity-gc-interval \"soon\" (file {directory.Path}/identity-gc-interval): must be a duration such as 15m0s", failure.Message, StringComparison.Ordinal);
        Assert.Contains("ipam \"magic\"", failure.Message, StringComparison.Ordinal);
        Assert.Contains("must be from 1 to 30", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_of_others_are_told_and_not_refused()
    {
        using var directory = new ConfigDirectory(("enable-hubble", "true"), ("ipam", "kubernetes"), ("..data", "x"));
        var unused = OperatorOptionKeys.Create().Bind(new ConfigValues([], new Hashtable(), directory.Path), new OperatorOptions());
        Assert.Equal(["enable-hubble"], unused);
    }

    [Fact]
    public void A_feature_that_is_absent_may_be_off_but_not_on()
    {
        var failure = Assert.Throws<ConfigurationException>(() => Bind(null, new Hashtable(), ("enable-gateway-api", "true"), ("ipam", "kubernetes")));
        Assert.Contains("the gateway API is not available", failure.Message, StringComparison.Ordinal);
        Bind(null, new Hashtable(), ("enable-gateway-api", "false"), ("ipam", "kubernetes"));
    }

    [Theory]
    [InlineData("10.0.0.0/16", "10.0.1.0/24", "overlap")]
    [InlineData("10.0.0.0/16", "fd00::/104", "other family")]
    [InlineData("10.0.0.0/28", "10.1.0.0/16", "smaller than cluster-pool-ipv4-mask-size")]
    public void Pools_that_cannot_work_are_refused(string first, string second, string expected)
    {
        var failure = Assert.Throws<ConfigurationException>(
            () => Bind(null, new Hashtable(), ("cluster-pool-ipv4-cidr", $"{first},{second}"), ("enable-ipv6", "false")));
        Assert.Contains(expected, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_directory_is_an_error_that_names_it()
    {
        var failure = Assert.Throws<ConfigurationException>(() => new ConfigValues([], new Hashtable(), "/no/such/directory"));
        Assert.Contains("/no/such/directory", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("15m0s", 900_000)]
    [InlineData("1h30m", 5_400_000)]
    [InlineData("100ms", 100)]
    [InlineData("1.5s", 1500)]
    [InlineData("0", 0)]
    [InlineData("-2s", -2000)]
    public void Durations_of_go_are_read(string text, double milliseconds)
    {
        Assert.True(GoDuration.TryParse(text, out var duration));
        Assert.Equal(milliseconds, duration.TotalMilliseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("s")]
    [InlineData("1.2.3s")]
    [InlineData("5 s")]
    [InlineData("1d")]
    [InlineData("9999999999999h")]
    public void What_is_no_duration_is_refused(string text) => Assert.False(GoDuration.TryParse(text, out _));

    [Property]
    public void Durations_read_back_as_they_were_printed(int milliseconds)
    {
        var duration = TimeSpan.FromMilliseconds(milliseconds);
        Assert.True(GoDuration.TryParse(GoDuration.Format(duration), out var read));
        Assert.Equal(duration, read);
    }

    private static OperatorOptions Bind(string? directory, Hashtable variables, params (string Key, string Value)[] flags)
    {
        var options = new OperatorOptions();
        var values = new ConfigValues(flags.Select(flag => KeyValuePair.Create(flag.Key, flag.Value)), variables, directory);
        OperatorOptionKeys.Create().Bind(values, options, OperatorOptionKeys.Check);
        return options;
    }

    private sealed class ConfigDirectory : IDisposable
    {
        public ConfigDirectory(params (string Key, string Value)[] files)
        {
            Path = Directory.CreateTempSubdirectory("cilium-config-").FullName;
            foreach (var (key, value) in files)
            {
                File.WriteAllText(System.IO.Path.Combine(Path, key), value);
            }
        }

        public string Path { get; }

        public void Dispose() => Directory.Delete(Path, true);
    }
}
