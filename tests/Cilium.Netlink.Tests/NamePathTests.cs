namespace Cilium.Netlink.Tests;

/// <summary>Names and paths become files of the machine: none may lead elsewhere.</summary>
public sealed class NamePathTests
{
    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../ck-nothing")]
    [InlineData("a/b")]
    [InlineData("/ck-nothing")]
    [InlineData("a\0b")]
    public void What_is_no_name_of_a_file_names_no_namespace(string name)
    {
        Assert.Throws<ArgumentException>(() => NetworkNamespace.PathOf(name));
        Assert.Throws<ArgumentException>(() => NetworkNamespace.Create(name));
        Assert.Throws<ArgumentException>(() => NetworkNamespace.OpenNamedOrNull(name));
        Assert.Throws<ArgumentException>(() => NetworkNamespace.Delete(name));
    }

    [Fact]
    public void Dots_within_a_name_are_part_of_it() => Assert.Equal("/run/netns/a..b", NetworkNamespace.PathOf("a..b"));

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("../ck-nothing")]
    [InlineData("net/../../ck-nothing")]
    [InlineData("net/..")]
    [InlineData("net\0")]
    public void A_setting_lies_below_the_folder_of_settings(string path)
    {
        Assert.Throws<ArgumentException>(() => Sysctl.Read(path));
        Assert.Throws<ArgumentException>(() => Sysctl.Write(path, "1"));
    }

    [Fact]
    public void What_the_kernel_says_about_a_setting_is_said_as_of_everything_else()
    {
        Assert.NotEmpty(Sysctl.Read("kernel/osrelease"));
        Assert.False(Sysctl.Write("net/ipv4/ck-nothing", "1"));
        Assert.False(Sysctl.Write("kernel/osrelease/ck-nothing", "1"));
        Assert.True(Assert.Throws<NetlinkException>(() => Sysctl.Read("net/ipv4/ck-nothing")).IsNotFound);

        // A folder is opened, and not read; what is read only is refused to the superuser too.
        Assert.Equal("net/ipv4", Assert.Throws<NetlinkException>(() => Sysctl.Read("net/ipv4")).Target["/proc/sys/".Length..]);
        Assert.Contains("ck-nothing", Assert.Throws<NetlinkException>(() => Sysctl.Write("kernel/osrelease", "ck-nothing")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Writing_what_a_setting_has_already_changes_nothing() =>
        Assert.True(Sysctl.Write("kernel/osrelease", Sysctl.Read("kernel/osrelease")));
}
